"""The command line's side of the spools: dropping files in, and reading the answers."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from hitl_mail import bootstrap
from hitl_mail.adapters.spool.drop import drop
from hitl_mail.adapters.spool.of_id import file_waits, last_refusal, reason
from hitl_mail.core import documents
from hitl_mail.core.case import Case
from hitl_mail.errors import HitlError, Refused, UsageError
from hitl_mail.home import Home

if TYPE_CHECKING:
    from hitl_mail.review.edits import Edit

T = TypeVar("T")

_LOOK = 0.02
_LOOK_INSIDE = 0.5


def decide_by_file(
    home: Home,
    case: Case,
    verb: str,
    note: str,
    timeout: float,
    *,
    to: str = "",
    edit: Edit | None = None,
) -> dict[str, Any] | None:
    """Say a decision through `control/`; the daemon's answer, or None where none is running."""
    name = f"{verb}-{case.id}-{secrets.token_hex(6)}"
    said: dict[str, Any] = {
        "case": case.id,
        "verb": verb,
        "seen": case.revision.digest,
        "note": note,
        "attempts": case.attempts,
    }
    if to:
        said["to"] = to
    if edit is not None:
        said["edit"] = msgspec.to_builtins(edit)
    return _say(home, name, said, timeout)


def relax_by_file(home: Home, rule: str, timeout: float) -> dict[str, Any] | None:
    """Ask through `control/` that a rule be relaxed; the answer, or None where no daemon runs."""
    return _say(home, f"relax-{secrets.token_hex(6)}", {"relax": rule}, timeout)


def erase_by_file(home: Home, case: str, note: str, timeout: float) -> dict[str, Any] | None:
    """Ask through `control/` for an erasure; the answer, or None where no daemon runs."""
    name = f"erase-{case}-{secrets.token_hex(6)}"
    return _say(home, name, {"erase": case, "note": note}, timeout)


def _say(home: Home, name: str, said: dict[str, Any], timeout: float) -> dict[str, Any] | None:
    drop(home.control, json.dumps(said).encode(), f"{name}.json")
    if not home.running():
        return None
    answer = _await(lambda: _read(home.control / "results" / f"{name}.json"), timeout)
    if answer is None:
        raise HitlError(
            f"the daemon did not answer within {timeout:g} s; the command is in control/ and"
            " counts when it is read. See: hitl-mail status"
        )
    return answer


class AgentSide:
    """One agent's spool, as the agent sees it."""

    def __init__(self, home: Home, agent: str) -> None:
        spools = home.spools(bootstrap.load_site(home))
        if agent not in spools:
            raise UsageError(f"no agent {agent}; there are {', '.join(sorted(spools))}")
        self.home = home
        self.agent = agent
        self.root = spools[agent]

    def drop(self, name: str, document: dict[str, Any]) -> None:
        """Put one document into `new/`, whole."""
        drop(self.root, json.dumps(document).encode(), name)

    def await_taken(self, name: str, timeout: float | None) -> bool:
        """Whether the daemon took the file in time. Raises `Refused` where it refused it."""
        return bool(_await(lambda: self._taken(name) or None, timeout))

    def await_result(
        self,
        action_id: str,
        name: str | None,
        timeout: float | None,
        strange: Callable[[], None] = lambda: None,
    ) -> dict[str, Any] | None:
        """The result of an id, once the file `name` (if any) was taken; None after `timeout`.
        `strange` is called once where nobody knows the id. Raises `Refused`."""
        start = time.monotonic()
        if name is not None and not self.await_taken(name, timeout):
            return None
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - start))
        known = _Known(self, action_id, strange)

        def look() -> dict[str, Any] | None:
            result = _read(self.root / "results" / f"{action_id}.json")
            if result is None or result["status"] == "approved":
                return known.result() or result
            return result

        return _await(look, left)

    def case_of(
        self, action_id: str, name: str, dropped: float, timeout: float
    ) -> tuple[str, str] | None:
        """The case a dropped file became, if that can be seen from here soon; and, where there was
        one of this id before the file was `dropped`, its status."""
        try:
            if not self.await_taken(name, timeout):
                return None
            cases = bootstrap.read_state(self.home).cases.values()
            for case in cases:
                if (case.agent, case.action_id) == (self.agent, action_id):
                    return case.id, case.status if case.received_at < dropped else ""
            filed = bootstrap.read_receipts(self.home).by_agent_id(self.agent, action_id)
        except PermissionError:
            return None
        if filed is None:
            return None
        return filed.case, filed.status if filed.closed_at < documents.iso(dropped) else ""

    def _taken(self, name: str) -> bool:
        """Whether the daemon is done with the file. The reason of a refusal is written first, so
        a file that is gone without one was taken."""
        if any((self.root / place / name).exists() for place in ("new", "cur")):
            return False
        refused = _read(self.root / "refused" / f"{name}.error.json")
        if refused is not None:
            raise Refused(refused["error"], f"refused: {reason(refused)}", refused.get("field"))
        return True


class _Known:
    """What the home knows of an id and no result file says: a case in doubt, a closed one whose
    file the agent has taken away, a file that was refused. Looked up now and then, for it reads
    the journal. `strange` is told once of an id that nobody knows."""

    def __init__(self, side: AgentSide, action_id: str, strange: Callable[[], None]) -> None:
        self._side = side
        self._id = action_id
        self._next = 0.0
        self._strange = strange
        self._told = False

    def result(self) -> dict[str, Any] | None:
        """The result as its file would say it; None while there is no more to tell. Raises
        `Refused` where all there is of the id is a file that was refused."""
        start = time.monotonic()
        if start < self._next:
            return None
        found = self._find()
        took = time.monotonic() - start
        self._next = start + took + max(_LOOK_INSIDE, 10 * took)
        return found

    def _find(self) -> dict[str, Any] | None:
        home, key = self._side.home, (self._side.agent, self._id)
        # First: a file that is gone by then has become a case, or was refused.
        waits = file_waits(self._side.root, self._id)
        try:
            for case in bootstrap.read_state(home).cases.values():
                if (case.agent, case.action_id) == key:
                    return documents.result(case) if case.status == "in_doubt" else None
            filed = bootstrap.read_receipts(home)
            row = filed.by_agent_id(*key)
        except PermissionError:
            # An agent under an OS user of its own sees its spool only.
            return None
        if row is not None:
            return documents.result_from_receipt(filed.receipt(row))
        if not waits:
            self._raise_refusal()
        return None

    def _raise_refusal(self) -> None:
        refused = last_refusal(self._side.root, self._id)
        if refused is not None:
            where = self._side.root / "refused" / refused["file"]
            text = f"refused: {reason(refused)}; the file is {where}"
            raise Refused(refused["error"], text, refused.get("field"))
        if not self._told:
            self._told = True
            self._strange()


def _await(look: Callable[[], T | None], timeout: float | None) -> T | None:
    """What `look` finds, as soon as it does; None after `timeout` seconds."""
    end = None if timeout is None else time.monotonic() + timeout
    while (found := look()) is None:
        if end is not None and time.monotonic() >= end:
            return None
        time.sleep(_LOOK)
    return found


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return value
