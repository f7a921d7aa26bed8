"""A snapshot's lines: what a case is after it was read again, and what it keeps of its line."""

from __future__ import annotations

import sys

import msgspec

from hitl_mail.core.case import Case
from hitl_mail.core.records import Saved, encode, replay
from tests.factories import action, case_after, receive

ASKED = "ceo@example.com"


def waiting() -> Case:
    """A case that waits, of an action with a person behind it."""
    return case_after(receive(action(id="refund-8841", requested_by=ASKED)))


def read(line: bytes) -> Case:
    [case] = replay([("snapshot", line)]).cases.values()
    return case


def test_a_case_that_is_read_again_is_the_one_that_was_written() -> None:
    case = waiting()
    again = read(encode(Saved(case=case)))

    assert again == case
    assert (again.action, again.verdict) == (case.action, case.verdict)
    assert (again.kind, again.requested_by) == (case.action["kind"], ASKED)


def test_a_line_of_a_version_before_tells_kind_and_requester_by_the_action_alone() -> None:
    case = waiting()
    line = msgspec.json.decode(encode(Saved(case=case)))
    del line["case"]["kind"], line["case"]["requested_by"]

    assert read(msgspec.json.encode(line)) == case


def test_a_case_in_memory_does_not_hold_the_line_it_was_read_from() -> None:
    line = encode(Saved(case=waiting()))
    before = sys.getrefcount(line)
    case = read(line)

    assert sys.getrefcount(line) == before
    assert case == waiting()
