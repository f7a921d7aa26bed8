"""A team's own pages: used where they are sound, else the shipped ones, and admins are told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from hitl_mail.adapters.web.render import Renderer
from hitl_mail.resources import shipped

SHIPPED = shipped("templates")


def page(own: Path, told: list[tuple[str, str]]) -> str:
    """A page that says something, of a site with templates of its own."""
    return Renderer([own, SHIPPED], "Acme", dt.UTC, lambda *words: told.append(words)).message(
        "about"
    )


def plain() -> str:
    return Renderer([SHIPPED], "Acme", dt.UTC).message("about")


def test_a_broken_page_gives_way_to_the_shipped_one(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    (tmp_path / "page.html").write_text("{{ no_such_thing }}")
    assert page(tmp_path, told) == plain()
    assert told == [("message.html", "page.html line 1: 'no_such_thing' is undefined")]


def test_a_page_of_the_team_is_used(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    (tmp_path / "message.html").write_text(
        '{% extends "page.html" %}{% block foot %}Ours{% endblock %}'
    )
    assert "Ours" in page(tmp_path, told)
    assert told == []


def test_a_style_sheet_that_is_no_text_gives_way_to_the_shipped_one(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    (tmp_path / "page.css").write_bytes(b"\xff")
    assert page(tmp_path, told) == plain()
    assert [name for name, _ in told] == ["page.css"]
