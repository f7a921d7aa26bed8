"""What takes long: nothing from outside costs more than its size, in a pattern, a mail or a file.

`tests/unit/test_review_reply_bounds.py` has mails that grow in every direction; here are the
patterns themselves, all of them, and the files that say two things at once.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

import hitl_mail
from hitl_mail.core.action import parse_document
from hitl_mail.errors import ConfigError, Refused
from hitl_mail.review.anchors import read_anchors
from hitl_mail.review.reply import read_reply
from hitl_mail.review.sender import believe
from hitl_mail.site import load_site
from tests.mails import TOKENS

LENGTH = 2000
SECONDS = 0.5
"""For a pattern over that many characters: what is squared takes 0.07, what is cubed a minute."""

FILLS = (
    *(" ", "\t", "\n", "\r", "a", "A", "0", "-", ".", "_", "@", "<", ">", ":", ";", ",", '"', "'"),
    *("\\", "/", "=", "(", ")", "[", "]", "{", "*", "`", "|", "é", "a ", "a.", "a@", "<a", '"a'),
    *('a"', ": ", "\n ", "\n>", "> ", "--", "a=", "=?", "re:", '\\"', "{a", "(\\"),
)
OUTSIDE = ("core", "review", "adapters", "daemon")
"""What reads agents, mails, visitors and servers; the policy is the admin's own."""

METHODS = re.compile(r"\.(search|match|fullmatch|split|findall|finditer|sub)\b")


def patterns() -> Iterator[tuple[str, re.Pattern[Any], set[str]]]:
    """Every compiled pattern of the layers that read what is from outside, and how it is used."""
    for found in pkgutil.walk_packages(hitl_mail.__path__, "hitl_mail."):
        if found.name.split(".")[1] not in OUTSIDE:
            continue
        module = importlib.import_module(found.name)
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and f"{name} = re.compile" in source:
                used = set(re.findall(rf"\b{name}{METHODS.pattern}", source))
                yield f"{found.name}.{name}", value, used or {"search"}


FOUND = {name: (pattern, used) for name, pattern, used in patterns()}


def spent(pattern: re.Pattern[Any], method: str, text: str) -> float:
    given: Any = text.encode() if isinstance(pattern.pattern, bytes) else text
    begun = time.process_time()
    if method == "sub":
        pattern.sub(given[:0], given)
    elif method == "finditer":
        list(pattern.finditer(given))
    else:
        getattr(pattern, method)(given)
    return time.process_time() - begun


def test_the_patterns_are_found() -> None:
    """Without this, the test below could pass because it looks at nothing."""
    assert len(FOUND) > 80


@pytest.mark.parametrize("name", FOUND)
def test_no_pattern_runs_away(name: str) -> None:
    """No text of an agent, a sender, a visitor or a server holds the daemon by a pattern."""
    pattern, used = FOUND[name]
    for fill in FILLS:
        for head, tail in (("", ""), ("a", "!")):
            text = head + fill * (LENGTH // len(fill)) + tail
            for method in used:
                assert spent(pattern, method, text) < SECONDS, (method, head, fill, tail)


@pytest.mark.parametrize("fill", [" ", "\t", "\r", "a", '"', "(", "\\", "=", "<", "@"])
def test_a_mail_of_one_character_again_and_again_is_read_in_a_moment(fill: str) -> None:
    """In its checks, its sender, its addressee and its text."""
    much = fill * 100_000
    mail = (
        f"Authentication-Results: mx.example.com; dmarc=pass{much}header.from=example.com\r\n"
        f"From: {much}ada@example.com\r\nTo: {much}\r\nReferences: {much}\r\n\r\n"
        f"approve\n\nthanks{much}!\n"
    ).encode()
    begun = time.process_time()
    believe(mail, TOKENS, "dmarc", "mx.example.com")
    read_reply(mail, TOKENS.is_ours)
    read_anchors(mail)
    assert time.process_time() - begun < 3


TWICE = {
    "an action": b'{"kind": "a.b", "payload": {"amount": 1}, "summary": "s", "kind": "c.d"}',
    "a payload": b'{"kind": "a.b", "payload": {"amount": 1, "amount": 1000}, "summary": "s"}',
    "a payload, spelled otherwise": b'{"payload": {"amount": 1, "\\u0061mount": 1000}}',
}


@pytest.mark.parametrize("what", TWICE)
def test_a_key_that_stands_twice_is_refused(what: str) -> None:
    """What the rules weigh, what people see and what runs is one reading of the file."""
    with pytest.raises(Refused) as refused:
        parse_document(TWICE[what])
    assert refused.value.code == "duplicate_key"


def test_a_key_that_stands_twice_in_toml_is_refused() -> None:
    """The same for TOML, in actions and in the settings."""
    with pytest.raises(Refused):
        parse_document(b'kind = "a"\nkind = "b"\n', toml=True)
    with pytest.raises(ConfigError):
        load_site('[people.ada]\nmail = "a@x.example"\n[people.ada]\nmail = "b@x.example"\n')


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 200_000,
        '{"payload":' * 200_000,
        json.dumps({"payload": {"x": "9" * 900_000}}).replace('"999', "999").replace('999"', "999"),
        '{"payload": 1e' + "9" * 900_000 + "}",
        '"' + "\\ud800" * 100_000 + '"',
    ],
    ids=["lists", "objects", "digits", "an exponent", "surrogates"],
)
def test_a_file_made_to_be_costly_is_refused_in_a_moment(bomb: str) -> None:
    """A megabyte that would be deep, endless or no text is refused, and quickly."""
    begun = time.process_time()
    with pytest.raises(Refused):
        parse_document(bomb.encode())
    assert time.process_time() - begun < 2
