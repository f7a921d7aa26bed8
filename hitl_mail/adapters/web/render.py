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

import msgspec
from jinja2 import Environment
from markupsafe import Markup

from hitl_mail.adapters.web import words
from hitl_mail.core.text import escape_json, visible
from hitl_mail.pages import LookUp, Outcome, Posted, QueueView, ReceiptView
from hitl_mail.review.facts import show_time
from hitl_mail.review.templates import OnBroken, Templates, ignore


class Renderer:
    """Pages of one site, with times in its time zone. `style` is the exact text of `<style>`.
    The last of `templates` ships; `on_broken` is told of a file before it that cannot be used."""

    def __init__(
        self,
        templates: Sequence[Path],
        site: str,
        timezone: dt.tzinfo,
        on_broken: OnBroken = ignore,
    ) -> None:
        self._timezone = timezone
        self._templates = Templates(templates, self._equip, on_broken)
        self.style = self._templates.source("page.css")
        # The hash in the CSP is of these very characters, so they must not be escaped.
        style = Markup(self.style)  # noqa: S704
        self._always = {"style": style, "site": site}

    def decision(
        self, found: LookUp, refused: Outcome | None = None, posted: Posted | None = None
    ) -> str:
        """The page of a decision link; `refused` is why a POST just now, of what is `posted`,
        decided nothing."""
        typed = None if posted is None else _typed(posted)
        return self._render("decide.html", found=found, refused=refused, posted=typed)

    def queue(self, view: QueueView) -> str:
        """The page of a queue link."""
        return self._render("queue.html", view=view)

    def receipt(self, view: ReceiptView) -> str:
        return self._render("receipt.html", view=view, facts=view.facts)

    def message(self, name: str) -> str:
        """A page that only says something: a key of `words.MESSAGES`."""
        return self._render("message.html", said=words.MESSAGES[name])

    def _render(self, name: str, **view: Any) -> str:
        return self._templates.render(name, {**self._always, **view})

    def _equip(self, environment: Environment) -> None:
        environment.filters.update(time=self._time, json=_json, visible=visible)
        environment.globals.update(words=words, BUTTONS=words.BUTTONS)

    def _time(self, at: float) -> Markup:
        moment = dt.datetime.fromtimestamp(at, self._timezone).isoformat(timespec="seconds")
        shown = show_time(at, self._timezone)
        return Markup('<time datetime="{}">{}</time>').format(moment, shown)


def _typed(posted: Posted) -> Posted:
    """What a form said, to be shown in it again: as it was typed, but nothing hidden in it."""
    fields = {name: visible(text) for name, text in posted.fields.items()}
    document = None if posted.document is None else escape_json(posted.document)
    return msgspec.structs.replace(
        posted, note=visible(posted.note), fields=fields, document=document
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
