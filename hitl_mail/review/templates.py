"""Templates that a team may replace: a file of the same name in its own directory wins, unless it
is broken. Then the shipped one takes its place, and somebody is told.

Strict (an unknown variable is an error), HTML escapes by itself, and what is a team's runs in a
sandbox. Knows neither mails nor pages: what makes an output sound, its caller says.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateSyntaxError,
)
from jinja2.sandbox import SandboxedEnvironment

from hitl_mail.core.text import one_line
from hitl_mail.errors import HitlError

SHIPPED = "shipped"
"""`shipped/ask.html` is the one that ships, also for a template that replaces it."""

OnBroken = Callable[[str, str], None]
"""Told the name of a template and what is wrong with it; nothing (an empty text) once the file
was changed and is well again."""

_LONGEST = 300


class Unsound(HitlError):
    """A template that renders, but not what its reader needs; says what is missing."""


def ignore(name: str, what: str) -> None:
    """Nobody to tell."""


def _unchanged(text: str) -> str:
    return text


class Templates:
    """Templates from `directories`: the last ships, those before it replace its files.

    `equip` adds what templates may use. `on_broken` is called once per template and state of the
    team's files.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        equip: Callable[[Environment], None],
        on_broken: OnBroken = ignore,
    ) -> None:
        *self._own, shipped = directories
        # Ours need no sandbox, which costs a third of a mail's rendering.
        self._shipped = _environment(Environment, [shipped], shipped, equip)
        self._mixed = _environment(SandboxedEnvironment, directories, shipped, equip)
        self._on_broken = on_broken
        self._broken: dict[str, str] = {}

    def render(
        self,
        name: str,
        view: Mapping[str, Any],
        finish: Callable[[str], str] = _unchanged,
        check: Callable[[str], object] = _unchanged,
    ) -> str:
        """A template with its values. `finish` is the last touch; `check` raises where what a
        team's template made will not do, and is not asked of the shipped one."""
        if self._replaced():
            try:
                made = finish(self._mixed.get_template(name).render(view))
                check(made)
            except Exception as error:  # noqa: BLE001  a template can raise whatever code can
                self._tell(name, _what(error, self._own))
            else:
                self._is_well(name)
                return made
        else:
            self._is_well(name)
        return finish(self._shipped.get_template(name).render(view))

    def source(self, name: str) -> str:
        """The text of a file as it stands, not rendered."""
        if self._replaced():
            try:
                text = _source(self._mixed, name)
            except (OSError, ValueError) as error:
                self._tell(name, _what(error, self._own))
            else:
                self._is_well(name)
                return text
        return _source(self._shipped, name)

    def _replaced(self) -> bool:
        return any(self._files())

    def _files(self) -> list[Path]:
        found: list[Path] = []
        for directory in self._own:
            try:
                found += sorted(path for path in directory.iterdir() if path.is_file())
            except OSError:
                continue
        return found

    def _tell(self, name: str, what: str) -> None:
        state = self._state()
        if self._broken.get(name) != state:
            self._broken[name] = state
            self._on_broken(name, what)

    def _is_well(self, name: str) -> None:
        # The same file that failed for another mail is not well because it did for this one.
        if name in self._broken and self._broken[name] != self._state():
            del self._broken[name]
            self._on_broken(name, "")

    def _state(self) -> str:
        """A digest of all of a team's files: one may be broken by another that it includes."""
        state = hashlib.sha256()
        for path in self._files():
            state.update(f"{path}\0".encode())
            try:
                state.update(path.read_bytes())
            except OSError as error:
                state.update(str(error).encode())
        return state.hexdigest()


def _environment(
    sort: type[Environment],
    directories: Sequence[Path],
    shipped: Path,
    equip: Callable[[Environment], None],
) -> Environment:
    found = sort(
        loader=ChoiceLoader(
            [
                PrefixLoader({SHIPPED: FileSystemLoader(shipped)}),
                FileSystemLoader([str(directory) for directory in directories]),
            ]
        ),
        autoescape=lambda name: name is None or not name.endswith(".txt"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    equip(found)
    return found


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None  # noqa: S101  for the type: it was just given one
    return environment.loader.get_source(environment, name)[0]


def _what(error: Exception, own: Sequence[Path]) -> str:
    """What is wrong, and in which line of which of the team's files, as far as it can be told."""
    said = one_line(str(error) or type(error).__name__, _LONGEST)
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name or 'template'} line {error.lineno}: {said.splitlines()[0]}"
    if isinstance(error, (Unsound, OSError)):
        return said
    frames = traceback.extract_tb(error.__traceback__)
    places = [frame for frame in frames if Path(frame.filename).parent in own]
    where = f"{Path(places[-1].filename).name} line {places[-1].lineno}: " if places else ""
    return f"{where}{said}"
