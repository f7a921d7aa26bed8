"""The journal's words: one record a command, and the lines of a snapshot.

Shared by the daemon that writes them and by the command line that reads them beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from hitl_mail.core.case import Case, as_kept
from hitl_mail.core.desk import Desk, DeskEvent, evolve_desk, with_event
from hitl_mail.core.events import Event
from hitl_mail.core.evolve import evolve
from hitl_mail.errors import HitlError, Impossible


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One command: all its events or none. `cases` are (case id, events) pairs."""

    cases: tuple[tuple[str, tuple[Event, ...]], ...] = ()
    desk: tuple[DeskEvent, ...] = ()


class Saved(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a snapshot: the desk, or an open case."""

    case: Case | None = None
    desk: Desk | None = None


_encoder = msgspec.json.Encoder()
_records = msgspec.json.Decoder(Record)
_saved = msgspec.json.Decoder(Saved)


def encode(item: Record | Saved) -> bytes:
    """One line for the journal."""
    return _encoder.encode(item)


class State:
    """All open cases and the desk: the sum of a snapshot and the records after it."""

    def __init__(self) -> None:
        self.cases: dict[str, Case] = {}
        self.desk = Desk()

    def apply(self, record: Record) -> list[Case]:
        """Add one record; the cases it touched, as they now stand. Closed ones are forgotten.

        Raises `Impossible`, with nothing changed, for events that cannot follow.
        """
        touched: dict[str, Case] = {}
        desk = self.desk
        for case_id, events in record.cases:
            case = touched.get(case_id) or self.cases.get(case_id)
            for event in events:
                case = evolve(case, event)
                desk = with_event(desk, case, event)
            if case is not None:
                touched[case_id] = case
        for desk_event in record.desk:
            desk = evolve_desk(desk, desk_event)
        self.desk = desk
        for case in touched.values():
            if case.closed:
                self.cases.pop(case.id, None)
            else:
                self.cases[case.id] = case
        return list(touched.values())

    def lines(self) -> Iterator[bytes]:
        """A snapshot of this moment, encoded as it is read: later changes do not show."""
        desk, cases = self.desk, list(self.cases.values())

        def encoded() -> Iterator[bytes]:
            yield encode(Saved(desk=desk))
            for case in cases:
                yield encode(Saved(case=case))

        return encoded()


def replay(lines: Iterable[tuple[Literal["snapshot", "record"], bytes]]) -> State:
    """The state that a journal's lines add up to.

    Raises `Impossible` for a line that is whole and yet none of ours, or cannot follow the others.
    """
    state = State()
    for number, (sort, payload) in enumerate(lines, 1):
        try:
            _add(state, sort, payload)
        except (HitlError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Impossible(
                f"the journal: line {number} of what it adds up to, a {sort}, cannot follow those"
                f" before it: {error or type(error).__name__}. It is whole, so another version of"
                " hitl-mail or another hand wrote it. Start the version that last ran here, or"
                " restore state/journal from a backup."
            ) from error
    return state


def _add(state: State, sort: str, payload: bytes) -> None:
    if sort == "record":
        state.apply(_records.decode(payload))
        return
    saved = _saved.decode(payload)
    if saved.case is not None:
        state.cases[saved.case.id] = as_kept(saved.case)
    if saved.desk is not None:
        state.desk = saved.desk
