"""Words at the command line: an answer or a refusal with its mend, never a fault of our own.

The words come from the commands' own lists of what they take, so that a new option is tried too.
Those that run, wait or ask are left out.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.cli import cli, main
from hitl_mail.home import Home
from tests.factories import action
from tests.fuzz.homes import copied, new_home, once, state
from tests.fuzz.mutate import Draw, json_bytes, mutated
from tests.fuzz.profile import fuzzed, timely
from tests.fuzz.test_action_files import FIELDS, JSON, SAMPLES
from tests.fuzz.test_mails import REPLIES
from tests.fuzz.test_spool_files import LABEL

_LEFT_OUT = {"init", "run", "demo", "wait"}
_WAITS = {"--wait", "--timeout", "--edit", "--help"}
_WORDS = (
    *("", " ", "-", "--", "--json", "-1", "0", "1e999", "9" * 30, "nan", "x" * 3000, "*", "%", "'"),
    *("261122", "2611", "refund-1", "billing/refund-1", "default/refund-1", "/", "../..", ".", "~"),
    *("\udcff", "\u202eabc", "\x1b[2J", "é", "2026-11", "2026-13-99T00:00:00Z", "1d", "-1d", "10y"),
    *("sha256:", "sha256:" + "a" * 64, "executed", "payment.refund", "ada", "owner", "amount = 1"),
    *('{"amount": 1}', "[" * 2000, "amount", "@file", "@home", "@case", "@digest", "receipts"),
)


def commands() -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    found: list[tuple[tuple[str, ...], click.Command]] = []

    def walk(words: tuple[str, ...], command: click.Command) -> None:
        if not isinstance(command, click.Group):
            found.append((words, command))
            return
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and name not in _LEFT_OUT:
                walk((*words, name), inner)

    walk((), cli)
    return found


COMMANDS = commands()


@st.composite
def calls(draw: Draw) -> list[str]:
    """A call of a command, its arguments and options of any words."""
    words, command = draw(st.sampled_from(COMMANDS))
    call = list(words)
    for param in command.params:
        flags = [name for name in param.opts if name.startswith("-")]
        if not flags:
            many = (
                draw(st.integers(1, 2)) if param.nargs != 1 else draw(st.sampled_from([1, 1, 1, 0]))
            )
            call += [draw(_word) for _ in range(many)]
        elif not _WAITS & set(flags) and draw(st.integers(0, 2)) == 0:
            call.append(flags[-1])
            if not getattr(param, "is_flag", False):
                call.append(draw(_word))
    return call


_word = (
    st.sampled_from(_WORDS)
    | st.sampled_from(["@case", "@file"])
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
)
_content = (
    json_bytes(SAMPLES, FIELDS)
    | mutated([*JSON, *REPLIES[:3], b"[policy]\nunmatched = 'hard'\n"])
    | st.binary(max_size=50)
)


@pytest.fixture(scope="module")
def template() -> Iterator[Home]:
    with new_home() as home:
        for number in (1, 2):
            document = action(id=f"refund-{number}")
            (home.root / f"spool/new/{number}.json").write_text(json.dumps(document))
        (home.root / "spool/new/label.json").write_text(json.dumps(LABEL))
        once(home)
        yield home


def called(home: Home, words: list[str], stdin: bytes) -> tuple[int, str, str]:
    """The exit status of a call, and what it printed."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    typed = io.TextIOWrapper(io.BytesIO(stdin), "utf-8", "surrogateescape")
    status: Any = None
    with (
        mock.patch.object(sys, "argv", ["hitl-mail", "--home", str(home.root), *words]),
        mock.patch.object(sys, "stdin", typed),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(home.root),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
    out.flush()
    err.flush()
    return status, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()  # type: ignore[attr-defined]


def filled(home: Home, words: list[str]) -> list[str]:
    """The words with what this home has for them."""
    case = next(iter(state(home).cases))
    names = {
        "@case": case,
        "@home": str(home.root),
        "@file": "file.json",
        "@digest": state(home).cases[case].revision.digest,
    }
    return [names.get(word, word) for word in words]


@fuzzed(50)
@given(calls(), _content)
@example(["submit", "\udcff"], b"")
@example(["receipts", "show", "\udcff"], b"")
@example(["mail", "explain", "-"], b"\xff")
@example(["receipts", "export", "--format", "csv", "--since", "x"], b"")
@timely
def test_any_words_are_answered_or_refused(
    template: Home, words: list[str], content: bytes
) -> None:
    with copied(template) as home:
        (home.root / "file.json").write_bytes(content)
        call = filled(home, words)
        before = _cases(home)
        status, out, err = called(home, call, content)
        assert status in range(10), (call, err)
        assert "Traceback" not in out + err
        assert "\x1b" not in out + err
        if status == 2:
            assert err.strip()
        if "--json" in call and status == 0 and out and words[:2] != ["receipts", "export"]:
            json.loads(out)
        # The daemon is not running: a call may leave a word for it, and decides nothing itself.
        assert _cases(home) == before


def _cases(home: Home) -> dict[str, tuple[str, int]]:
    return {case.id: (case.status, len(case.decisions)) for case in state(home).cases.values()}


@fuzzed(15)
@given(calls(), st.sampled_from(["hitl-mail.toml", "rules.toml"]), mutated(REPLIES[:1] + JSON))
@timely
def test_any_words_at_a_home_whose_files_are_spoiled_are_refused_with_the_mend(
    template: Home, words: list[str], name: str, content: bytes
) -> None:
    with copied(template) as home:
        call = filled(home, words)
        (home.root / name).write_bytes(content)
        (home.root / "file.json").write_bytes(content)
        status, out, err = called(home, call, content)
        assert status in range(10), (call, err)
        assert "Traceback" not in out + err


def test_the_words_try_every_command() -> None:
    assert len(COMMANDS) > 20
