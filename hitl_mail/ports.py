"""The few things the daemon needs of the outside world, as Protocols.

An adapter implements one of these; the daemon knows nothing else of it. Each has a contract suite
in `tests/contract`, run over every implementation, real or fake.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from hitl_mail.errors import HitlError, Refused, SyncFailed


class Clock(Protocol):
    """Wall time, in seconds since the epoch, UTC. The one place it comes from."""

    def now(self) -> float: ...


class Store(Protocol):
    """The journal. A payload is one JSON value in bytes.

    `records` counts what a start-up would have to read after the newest snapshot.
    """

    @property
    def records(self) -> int: ...

    def append(self, payload: bytes, *, urgent: bool = True) -> Awaitable[None]:
        """Its place is fixed by the call; awaiting it ends when it is durable. What is not urgent
        may wait a moment for something that is.

        Raises `StorageFailed`, and then for ever.
        """

    def snapshot(self, payloads: Iterable[bytes]) -> Awaitable[None]:
        """Replace history by `state`, which stands for all appends called before this call."""

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        """The newest snapshot, then every record after it. Once, before any append."""


class ReceiptRow(Protocol):
    """What the index knows of a receipt without reading it."""

    @property
    def seq(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def case(self) -> str: ...
    @property
    def agent(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def action_digest(self) -> str | None: ...
    @property
    def closed_at(self) -> str: ...
    @property
    def month(self) -> str:
        """Of the receipts it stands among: `2026-11`. No earlier than that of its own time."""


class Lookup(Protocol):
    """Finding receipts, each by reading one."""

    def head(self) -> tuple[int, str]:
        """Number and digest of the newest one; 0 where there is none."""

    def by_about(self, about: str) -> ReceiptRow | None:
        """A case's own receipt."""

    def by_seq(self, seq: int) -> ReceiptRow | None:
        """The receipt with this number."""

    def by_agent_id(self, agent: str, action_id: str) -> ReceiptRow | None:
        """The newest receipt of that agent's id."""

    def receipt(self, row: Any) -> dict[str, Any]:
        """The whole receipt of a row this look-up gave."""


class Receipts(Protocol):
    """Closed cases, sealed and chained."""

    @property
    def lookup(self) -> Lookup: ...

    def add(self, body: dict[str, Any], about: str | None = None) -> Awaitable[tuple[int, str]]:
        """Seal and store; (seq, digest). What has one already, the case or `about`, keeps it."""

    def go_on_from(self, seq: int, digest: str) -> str:
        """Chain on from this receipt, stored or not; what is missing up to it, or nothing."""


class ErasableLookup(Lookup, Protocol):
    """Finding what there is to erase."""

    def by_case(self, case: str) -> list[Any]:
        """The rows of all receipts that speak of a case."""

    def erasable(self, before: str) -> list[Any]:
        """Rows of some cases closed before a time (ISO 8601) that nobody has erased; none if none
        is left."""


class Erasable(Protocol):
    """Receipts whose contents can go."""

    @property
    def lookup(self) -> ErasableLookup: ...

    def add(self, body: dict[str, Any], about: str | None = None) -> Awaitable[tuple[int, str]]:
        """As `Receipts.add`."""

    def erase(self, seqs: Collection[int]) -> Awaitable[None]:
        """Let go of the contents of these receipts; twice is once. Raises `HitlError`."""


# Mail


class MailTemporary(HitlError):
    """The server did not take it now; the same bytes may be offered again.

    `server`: it would take no other mail now either; else this is about one mail or recipient.
    `full`: the recipient's mailbox is.
    """

    def __init__(self, text: str, *, server: bool = True, full: bool = False) -> None:
        super().__init__(text)
        self.server = server
        self.full = full


class MailPermanent(HitlError):
    """The server will never take it."""


class MailDoubt(HitlError):
    """The connection broke after the message was handed over: it may have been taken."""


class Outbox(Protocol):
    """Hands mails to a transport, each at least once."""

    async def send(
        self, mail_from: str, rcpt_to: list[str], message: bytes, name: str
    ) -> list[str]:
        """Durable at the next hop when it returns; the recipients that were refused, if not all.

        `name` is stable for one mail: offering it again must not make a second mail where the
        transport can tell. Raises `MailTemporary`, `MailPermanent` or `MailDoubt`.
        """

    async def close(self) -> None: ...


class Letter(msgspec.Struct, frozen=True):
    """A mail that arrived, as bytes. `place` names it in logs: a file name or a UID."""

    message: bytes
    place: str


class Pulse(msgspec.Struct):
    """When a connection last worked (epoch seconds), and what is wrong with it now, if so."""

    last_ok: float | None = None
    last_error: str = ""


Handler = Callable[[Letter], Awaitable[None]]


class Inbox(Protocol):
    """Replies. A letter is put away only after `handle` returned: then its command is durable.

    A letter whose handling raises stays where it is and is offered again.
    """

    pulse: Pulse

    async def poll(self, handle: Handler) -> int:
        """Handle all that is there now; how many. For `run --once`."""

    async def run(self, handle: Handler) -> None:
        """Handle what comes, until cancelled. Survives every fault of the server."""

    async def close(self) -> None: ...


# Execution


class Order(msgspec.Struct, frozen=True):
    """One attempt: the payload and what the executor is told about it."""

    case: str
    revision: int
    attempt: int
    payload: dict[str, Any]
    attachments: tuple[tuple[str, str, bytes], ...]
    key: str


class Attempt(msgspec.Struct, frozen=True):
    """What became of it. `outcome` is the result file's (design 1.2) but for `attempts`."""

    result: Literal["ok", "failed", "temporary", "doubt"]
    outcome: dict[str, Any]


class Executor(Protocol):
    """Carries actions out. Never raises for what the action or the target did."""

    async def run(self, order: Order) -> Attempt:
        """Cancelling it ends what it started; the caller then knows only doubt."""


# Metrics


class Sample(msgspec.Struct, frozen=True):
    """One value of a measure, under labels of whose values there are few, all known beforehand."""

    value: float
    labels: dict[str, str] = {}


class Spread(msgspec.Struct, frozen=True):
    """How many values lie under each bound and above all before it; the last count is of those
    above all bounds. `sum` is of all values."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


class Measure(msgspec.Struct, frozen=True):
    """What is told of the daemon in numbers. A counter's `name` is without `_total`."""

    name: str
    sort: Literal["counter", "gauge", "histogram", "info"]
    help: str
    samples: tuple[Sample, ...] = ()
    spread: Spread | None = None


# Files


class Spooled(msgspec.Struct, frozen=True):
    """A file claimed from a spool. `path` is where it is now; `name` as the agent named it."""

    path: Path
    name: str
    data: bytes
    uid: int


class Spool(Protocol):
    """One agent's directories, or the people's control directories.

    `more`, after `claim`: it stopped before it had looked at everything.
    """

    more: bool

    def claim(self, limit: int, only: Callable[[str, bytes], bool] | None = None) -> list[Spooled]:
        """Claim up to `limit` waiting files, those a crash left claimed first.

        With `only`, a file whose name and bytes it does not want stays where it is.
        What must not be read (links, FIFOs, oversized, foreign owners) is refused on the way.
        """

    def survived(self, spooled: Spooled) -> None:
        """What a claimed file means is decided: if the daemon ends now, the file is no reason."""

    def done(self, spooled: Spooled) -> None:
        """Forget a claimed file: its command is durable."""

    def refuse(self, spooled: Spooled, error: Mapping[str, Any]) -> None:
        """Set a claimed file aside, with the reason beside it."""

    def result(self, name: str, document: Mapping[str, Any]) -> None:
        """Write `results/NAME.json`, whole and durable or not at all."""

    def sweep(self, before: float) -> None:
        """Remove the results that were written before this time, seconds since the epoch."""

    def results(
        self, documents: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[OSError | Refused | SyncFailed | None]:
        """The same of several together, in order; what kept each from being written."""


class Watch(Protocol):
    """Hints that a directory changed. It may miss some and make some up."""

    def changes(self) -> AsyncIterator[None]: ...
