"""The client for ordinary, blocking programs."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hitl_mail.client.outcome import Result, StillOpen, settled
from hitl_mail.client.spool import JUST_NOW, Files, Submitted, action_fields, find_spool, id_of
from hitl_mail.client.watch import RESCAN, SOON, changes

T = TypeVar("T")


class Client:
    """One agent's side. `spool` is its directory; else `home` and `agent` say where it is; else
    `$HITL_MAIL_SPOOL` or `$HITL_MAIL_HOME` do. Safe to share between threads.

    Raises `UsageError` where that is no spool.
    """

    def __init__(
        self,
        spool: str | Path | None = None,
        *,
        home: str | Path | None = None,
        agent: str = "default",
    ) -> None:
        self.files = Files(find_spool(spool, home, agent))

    def submit(
        self,
        kind: str,
        payload: dict[str, Any],
        summary: str,
        *,
        id: str | None = None,
        **more: Any,
    ) -> Submitted:
        """Hand in an action, durably; `more` are the other fields of `hitl-mail schema action`.

        The same `id` and content again is the same case and never a second run: name an id that
        a restarted program names again. Whether the daemon takes it shows in `wait`.
        """
        return self.files.submit(action_fields(kind, payload, summary, id, more))

    def wait(self, action: Submitted | str, timeout: float | None = None) -> Result:
        """What became of an action, by what `submit` gave or by its id; waits `timeout` seconds,
        or as long as it takes.

        The result is `executed`, or `approved` with a permit for the agent to act on. Raises
        `Refused`, `Rejected`, `Expired`, `Denied`, `Failed`, `Canceled`, `InDoubt`; `StillOpen`
        after `timeout`. An id alone is waited for although nobody has handed it in yet; that its
        file was refused is seen of one that is refused meanwhile.
        """
        since = time.time() - JUST_NOW
        result = self._await(lambda: self.files.answer(action, since), timeout)
        if result is None:
            raise StillOpen(f"{id_of(action)}: no result in time; it still stands")
        return settled(result, dt.datetime.now(dt.UTC))

    def cancel(self, action: Submitted | str, timeout: float | None = 10.0) -> None:
        """Withdraw an action whose execution has not started. Raises `Refused` where it has, or
        nobody knows it; `StillOpen` where no daemon reads it in time: it counts when one does."""
        self._taken(self.files.cancel(action), timeout, "the cancel")

    def report(
        self, result: Result, *, ok: bool = True, timeout: float | None = 10.0, **outcome: Any
    ) -> None:
        """Say what became of a permit; `outcome` is kept in the receipt. Raises as `cancel`."""
        self._taken(self.files.report(result, {"ok": ok, **outcome}), timeout, "the report")

    def _taken(self, said: Submitted, timeout: float | None, what: str) -> None:
        if self._await(lambda: self.files.taken(said) or None, timeout, SOON) is None:
            raise StillOpen(f"{said.id}: no daemon read {what} in time; it counts when one does")

    def _await(
        self, look: Callable[[], T | None], timeout: float | None, rescan: float = RESCAN
    ) -> T | None:
        end = None if timeout is None else time.monotonic() + timeout
        with changes(self.files.watched) as watch:
            while (found := look()) is None:
                left = rescan if end is None else end - time.monotonic()
                if left <= 0:
                    return None
                watch.wait(min(left, rescan))
        return found
