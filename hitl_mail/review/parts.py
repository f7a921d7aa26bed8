"""The text and the HTML of a mail, made from their templates: the filters these may use, the style
sheet put into the elements, and what a team's own template must still show.

Mail programs drop style sheets, so every rule is written into the elements it is for; only
`@media` rules stay in the head, for those that follow a dark colour scheme.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markupsafe import Markup

from hitl_mail.core.text import one_line
from hitl_mail.review.ask import reason, row_lines, told
from hitl_mail.review.choices import COMMAND_LINE
from hitl_mail.review.rows import Row
from hitl_mail.review.templates import OnBroken, Templates, Unsound, ignore
from hitl_mail.review.text import SENTINEL, boxed, fill, inert, shorten

if TYPE_CHECKING:
    from css_inline import CSSInliner

_TAG = re.compile(r"<[^>]*>")
_HEAD = re.compile(r"<head\b.*?</head>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(.*?)\s*</title>", re.DOTALL | re.IGNORECASE)
_SPACE = re.compile(r"[\s|]+")


def mail_templates(directories: Sequence[Path], on_broken: OnBroken = ignore) -> Templates:
    """The templates of mails: the last directory ships, those before it replace its files."""
    return Templates(directories, _equip, on_broken)


def render_parts(templates: Templates, name: str, view: Mapping[str, Any]) -> tuple[str, str]:
    """Text and HTML of the mail `name`. `rows` of the view are what both must show."""
    rows: Sequence[Row] = view.get("rows", ())
    view = {**view, "sentinel": SENTINEL}
    return (
        templates.render(f"{name}.txt", view, _tidy, lambda text: _check_text(text, rows)),
        templates.render(f"{name}.html", view, _inlined, lambda text: _check_html(text, rows)),
    )


def _equip(environment: Environment) -> None:
    filters: dict[str, Callable[..., Any]] = {
        "boxed": boxed,
        "fill": fill,
        "inert": inert,
        "line": one_line,
        "lines": _lines,
        "reason": reason,
        "row": row_lines,
        "shorten": shorten,
        "told": told,
    }
    environment.filters.update(filters)


def _lines(text: str) -> Markup:
    """Text that is not ours as HTML. Its line ends are elements, since some mail programs (Outlook
    on Windows) do not keep any other."""
    return Markup("<br>").join(inert(text).split("\n"))


def _tidy(text: str) -> str:
    """Never two empty lines in a row, whatever parts a template left out."""
    return re.sub(r"\n{3,}", "\n\n", text.strip("\n")) + "\n"


def _inlined(page: str) -> str:
    return _inliner().inline(page.lstrip())


@functools.cache
def _inliner() -> CSSInliner:
    import css_inline

    # Nothing is ever fetched: a mail's style sheet is in the mail.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def _check_text(text: str, rows: Iterable[Row]) -> None:
    if text.split("\n", 1)[0] != SENTINEL:
        raise Unsound(f"its first line has to be {{{{ sentinel }}}}: {SENTINEL}")
    begins = COMMAND_LINE.search(text)
    if begins:
        raise Unsound(
            f"a line begins with {begins[1]}: quoted in a reply, it could be read as a command"
        )
    _check_rows(text, rows)


def _check_html(page: str, rows: Iterable[Row]) -> None:
    title = _TITLE.search(page)
    if title is None or html.unescape(title[1]) != SENTINEL:
        raise Unsound("its <title> has to be {{ sentinel }}: programs quote it above the mail")
    shown = html.unescape(_TAG.sub("", _HEAD.sub("", page, count=1)))
    if not shown.lstrip().startswith(SENTINEL):
        raise Unsound(f"the first it shows has to be {{{{ sentinel }}}}: {SENTINEL}")
    _check_rows(shown, rows)


def _check_rows(shown: str, rows: Iterable[Row]) -> None:
    squeezed = _SPACE.sub("", shown)
    for row in rows:
        for text in (row.key, row.value):
            if _SPACE.sub("", inert(text)) not in squeezed:
                raise Unsound(
                    f"it does not show all of the payload, which is in rows: {one_line(text, 60)}"
                )
