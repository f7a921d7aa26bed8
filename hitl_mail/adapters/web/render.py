"""What `Pages` answers, as HTML: Jinja templates, escaped throughout, and one style sheet.

Knows no request, no token and no rule. Everything shown came from an agent, a person or a
visitor, so nothing reaches a page but through escaping and `visible`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from hitl_mail.adapters.web import words
from hitl_mail.core.text import visible
from hitl_mail.ports import LookUp, Outcome, ReceiptView
from hitl_mail.review.facts import show_time


class Renderer:
    """Pages of one site, with times in its time zone. `style` is the exact text of `<style>`."""

    def __init__(self, templates: Sequence[Path], site: str, timezone: dt.tzinfo) -> None:
        loader = FileSystemLoader([str(path) for path in templates])
        self._env = SandboxedEnvironment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.style, _, _ = loader.get_source(self._env, "page.css")
        self._timezone = timezone
        self._env.filters.update(time=self._time, json=_json, visible=visible)
        # The hash in the CSP is of these very characters, so they must not be escaped.
        self._env.globals.update(
            style=Markup(self.style),  # noqa: S704
            site=site,
            words=words,
            BUTTONS=words.BUTTONS,
        )

    def decision(self, found: LookUp, refused: Outcome | None = None) -> str:
        """The page of a decision link; `refused` is why a POST just now decided nothing."""
        return self._env.get_template("decide.html").render(found=found, refused=refused)

    def receipt(self, view: ReceiptView) -> str:
        return self._env.get_template("receipt.html").render(view=view, facts=view.facts)

    def message(self, name: str) -> str:
        """A page that only says something: a key of `words.MESSAGES`."""
        return self._env.get_template("message.html").render(said=words.MESSAGES[name])

    def _time(self, at: float) -> Markup:
        moment = dt.datetime.fromtimestamp(at, self._timezone).isoformat(timespec="seconds")
        shown = show_time(at, self._timezone)
        return Markup('<time datetime="{}">{}</time>').format(moment, shown)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
