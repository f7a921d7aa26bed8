"""A team's own templates: used where they are sound; else the shipped ones, and admins are told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.core.case import Case
from hitl_mail.resources import shipped
from hitl_mail.review.ask import ask_view
from hitl_mail.review.compose import Composer
from hitl_mail.review.packing import build_packet
from hitl_mail.review.parts import mail_templates
from hitl_mail.review.text import SENTINEL
from tests import packets
from tests.mails import AT, LINKS, TOKENS, composed, mail_to, site, text_of

SHIPPED = shipped("templates")
GOOD = "{{ sentinel }}\n\n{% for row in rows %}\n{{ row|row }}\n{% endfor %}\nOurs\n"


@dataclass
class Team:
    """A site with templates of its own. `told` is what its admins hear."""

    home: Path
    told: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir()
        templates = mail_templates([self.home, SHIPPED], lambda *words: self.told.append(words))
        self.composer = Composer(site(), TOKENS, LINKS, templates)

    def write(self, name: str, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        (self.home / name).write_bytes(data)

    def mail(self, case: Case | None = None) -> bytes:
        case = case or packets.refund()
        return self.composer.compose(case, mail_to(case)).message


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "templates")


SHIPPED_MAIL = composed(packets.refund()).message

BROKEN_TEXT: dict[str, tuple[str | bytes, str]] = {
    "a syntax error": (GOOD + "{% if %}", "ask.txt line 7: Expected an expression"),
    "an error while rendering": (GOOD + "{{ 1 / 0 }}", "ask.txt line 7: division by zero"),
    "an unknown variable": (GOOD + "{{ payload }}", "ask.txt line 7: 'payload' is undefined"),
    "an unknown filter": (GOOD + "{{ sentinel|nice }}", "ask.txt line 7: No filter named 'nice'"),
    "a file that is no text": (b"\xff\xfe", "can't decode byte 0xff"),
    "a template that is not there": ('{% extends "x.txt" %}', "x.txt"),
    "a template of itself": ('{% include "ask.txt" %}', "maximum recursion"),
    "a way out of the sandbox": (GOOD + "{{ ''.__class__.__mro__ }}", "unsafe"),
    "no sentinel": (GOOD.replace("{{ sentinel }}", "Hello"), "its first line has to be"),
    "a word above the sentinel": ("Hello\n" + GOOD, "its first line has to be"),
    "no payload": ("{{ sentinel }}\nA refund\n", "does not show all of the payload"),
    "half of the payload": (GOOD.replace("in rows", "in rows[:2]"), "payload, which is in rows"),
    "a line that is a command": (GOOD + "Approve: say approve\n", "a line begins with Approve"),
}

BROKEN_HTML: dict[str, tuple[str, str]] = {
    "no title": (
        "<html><body>{{ sentinel }} {% for row in rows %}{{ row.key }} {{ row.value }}{% endfor %}",
        "its <title> has to be",
    ),
    "no sentinel on top": (
        "<html><head><title>{{ sentinel }}</title></head><body><p>Hello {{ sentinel }}",
        "the first it shows has to be",
    ),
    "no payload": (
        "<html><head><title>{{ sentinel }}</title></head><body><p>{{ sentinel }}",
        "does not show all of the payload",
    ),
    "a payload in a comment": (
        '{% extends "mail.html" %}{% block main %}'
        "<!-- {% for row in rows %}{{ row.key }} {{ row.value }}{% endfor %} -->{% endblock %}",
        "does not show all of the payload",
    ),
    "a syntax error": ("{% block %}", "ask.html line 1: "),
}


@pytest.mark.parametrize("fault", BROKEN_TEXT)
def test_a_broken_text_gives_way_to_the_shipped_one(team: Team, fault: str) -> None:
    text, what = BROKEN_TEXT[fault]
    team.write("ask.txt", text)
    assert team.mail() == SHIPPED_MAIL
    ((name, said),) = team.told
    assert name == "ask.txt"
    assert what in said


@pytest.mark.parametrize("fault", BROKEN_HTML)
def test_a_broken_html_gives_way_to_the_shipped_one(team: Team, fault: str) -> None:
    page, what = BROKEN_HTML[fault]
    team.write("ask.html", page)
    assert team.mail() == SHIPPED_MAIL
    ((name, said),) = team.told
    assert name == "ask.html"
    assert what in said


def test_a_file_that_may_not_be_read_gives_way_to_the_shipped_one(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is made up."""
    team.write("ask.txt", GOOD)
    ours = str(team.home / "ask.txt")

    def refusing(path: str, *more: Any, **options: Any) -> Any:
        if str(path) == ours:
            raise PermissionError(13, "Permission denied", path)
        return Path(path).open(*more, **options)

    monkeypatch.setattr("jinja2.loaders.open", refusing, raising=False)
    assert team.mail() == SHIPPED_MAIL
    assert team.told == [("ask.txt", f"[Errno 13] Permission denied: '{ours}'")]


def test_what_is_no_file_is_not_used(team: Team) -> None:
    (team.home / "ask.txt").symlink_to("ask.txt")
    (team.home / "ask.html").mkdir()
    assert team.mail() == SHIPPED_MAIL
    assert team.told == []


def test_a_sound_template_is_used_and_nobody_is_told(team: Team) -> None:
    team.write("ask.txt", GOOD)
    assert text_of(team.mail()) == (
        f"{SENTINEL}\n\n| amount: 49\n| currency: EUR\n| customer: Ada\nOurs\n"
    )
    assert team.told == []


def test_a_template_may_extend_the_one_it_replaces(team: Team) -> None:
    team.write("ask.html", '{% extends "shipped/ask.html" %}')
    assert team.mail() == SHIPPED_MAIL
    assert team.told == []


def test_a_style_sheet_of_the_team_reaches_the_elements(team: Team) -> None:
    team.write("mail.css", '{% include "shipped/mail.css" %} h1 { color: #123456; }')
    page = text_of(team.mail(), "html")
    assert "color: #123456" in page.partition("<h1")[2].partition(">")[0]
    assert team.told == []


def test_a_part_that_is_broken_is_told_with_its_own_name(team: Team) -> None:
    team.write("mail.html", "{% if %}")
    assert team.mail() == SHIPPED_MAIL
    assert team.told == [
        ("ask.html", "mail.html line 1: Expected an expression, got 'end of statement block'")
    ]


def test_the_rows_of_every_packet_are_found_in_the_shipped_templates(team: Team) -> None:
    team.write("README", "An own file, so that what is made is checked.")
    for make in packets.ALL.values():
        assert team.mail(make()) == composed(make()).message
    assert team.told == []


def test_the_same_fault_is_told_once(team: Team) -> None:
    team.write("ask.txt", "{{ no }}")
    for _ in range(3):
        team.mail()
    assert len(team.told) == 1


def test_a_changed_file_that_is_still_broken_is_told_again(team: Team) -> None:
    team.write("ask.txt", "{{ no }}")
    team.mail()
    team.write("ask.txt", "{{ neither }}")
    team.mail()
    assert [what for _, what in team.told] == [
        "ask.txt line 1: 'no' is undefined",
        "ask.txt line 1: 'neither' is undefined",
    ]


def test_a_mended_file_is_used_again_and_told_to_be_well(team: Team) -> None:
    team.write("ask.txt", "{{ no }}")
    team.mail()
    team.write("ask.txt", GOOD)
    assert text_of(team.mail()).endswith("Ours\n")
    assert team.told[1:] == [("ask.txt", "")]


def test_a_removed_file_is_told_to_be_well(team: Team) -> None:
    team.write("ask.txt", "{{ no }}")
    team.mail()
    (team.home / "ask.txt").unlink()
    team.mail()
    assert team.told[1:] == [("ask.txt", "")]


def test_a_template_that_fails_for_some_mails_is_not_well_for_the_others(team: Team) -> None:
    team.write("ask.txt", GOOD + "{{ p.why.upper() }}")
    for case in (packets.refund(), packets.refund(why=None), packets.refund()):
        team.mail(case)
    assert len(team.told) == 1


DOCS = (Path(__file__).parents[2] / "docs/templates.md").read_text("utf-8")


def test_the_examples_of_the_documentation_are_sound(team: Team) -> None:
    answer, style = re.findall(r"```jinja\n(.*?)```", DOCS, re.DOTALL)
    team.write("answer.html", answer)
    team.write("mail.css", style)
    assert "extension 12" in text_of(team.mail(packets.answered()), "html")
    assert "background: #004d99" in text_of(team.mail(), "html")
    assert team.told == []


def test_all_that_an_ask_template_gets_is_documented() -> None:
    case = packets.refund()
    packet = build_packet(case, "ada", site(), AT)
    names = {*ask_view(case, packet, None, None, None), *packet.__struct_fields__}
    assert {name for name in names if f"`{name}`" not in DOCS} == set()
