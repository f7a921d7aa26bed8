"""What the review layer needs to know of the site, without knowing its settings file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from hitl_mail.core.case import Case, ReceiptRef

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class SiteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`address` is where replies go, `people` maps each person to their mail address and then
    their aliases, `trusted_sources` each agent to the sources the admin trusts."""

    name: str
    address: str
    subaddressing: bool = True
    timezone: str = "UTC"
    base_url: str | None = None
    people: Mapping[str, tuple[str, ...]] = {}
    trusted_sources: Mapping[str, tuple[str, ...]] = {}

    @property
    def zone(self) -> dt.tzinfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True)
class Moment:
    """What a mail tells of the moment at which it is written; all else in it follows from its
    case. How many open cases wait for a person; the newest receipt; for whom of those who are
    away a person is asked about a case."""

    waiting_for: Callable[[str], int] = lambda _: 0
    newest: Callable[[], ReceiptRef | None] = lambda: None
    stands_for: Callable[[Case, str], Sequence[str]] = lambda _, __: ()


def show_time(at: float, zone: dt.tzinfo) -> str:
    """A moment as people read it, with its UTC offset: `Sun 22 Nov 2026, 17:45 (+01:00)`.

    Built by hand, because `strftime` follows the locale of the process.
    """
    moment = dt.datetime.fromtimestamp(at, zone)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    offset = moment.isoformat(timespec="seconds")[19:]
    return f"{day} {moment.day} {month} {moment.year}, {moment:%H:%M} ({offset})"
