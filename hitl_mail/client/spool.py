"""An agent's spool, as the agent sees it: what is dropped, and where answers appear.

Looks and never waits; `sync` and `aio` wait. Knows no daemon.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitl_mail.adapters.durable import sync_directory
from hitl_mail.adapters.spool.drop import drop
from hitl_mail.adapters.spool.files import write_new
from hitl_mail.adapters.spool.of_id import last_refusal, reason
from hitl_mail.client.outcome import Result, read_result
from hitl_mail.errors import HitlError, Refused, UsageError

Fields = dict[str, Any]

log = logging.getLogger(__name__)

JUST_NOW = 0.05
"""Seconds by which the times of files may be behind the clock."""

_SOON_TAKEN = 2.0
"""Seconds after which a daemon that runs has taken a file."""

_WORDS = frozenset({"kind", "payload", "summary", "id"})


@dataclass(frozen=True)
class Submitted:
    """An action that was handed in: its id, and the name of the file that said it."""

    id: str
    file: str


def id_of(action: Submitted | str) -> str:
    return action if isinstance(action, str) else action.id


def find_spool(spool: str | Path | None, home: str | Path | None, agent: str) -> Path:
    """Where to drop files: `spool`, else the agent's in `home`, else `$HITL_MAIL_SPOOL`, else
    in `$HITL_MAIL_HOME`. Raises `UsageError`."""
    spool = spool or (None if home else os.environ.get("HITL_MAIL_SPOOL"))
    root = (
        Path(spool).expanduser().absolute()
        if spool
        else _spool_of(home or os.environ.get("HITL_MAIL_HOME"), agent)
    )
    if not (root / "new").is_dir():
        raise UsageError(f"{root} is no spool (it has no new/): the daemon makes it as it starts")
    return root


def _spool_of(home: str | Path | None, agent: str) -> Path:
    import tomllib

    if not home:
        raise UsageError(
            "no spool: name one, as Client(spool=DIR) or Client(home=DIR), or set"
            " HITL_MAIL_SPOOL or HITL_MAIL_HOME"
        )
    file = Path(home).expanduser().absolute() / "hitl-mail.toml"
    try:
        agents = tomllib.loads(file.read_text("utf-8")).get("agents", {})
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"{file} cannot be read ({why}); an agent under an OS user of its own is given its"
            " spool: Client(spool=DIR)"
        ) from None
    known = {"default": "spool"} | {
        name: table["spool"] for name, table in agents.items() if "spool" in table
    }
    if agent not in known:
        raise UsageError(f"{file} has no agent {agent}; there are {', '.join(sorted(known))}")
    return file.parent / str(known[agent])


class Files:
    """The files of one spool."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._told = False
        """Whether somebody was told that no daemon takes the files."""
        self.watched = [root / name for name in ("results", "refused", "new", "cur")]

    def submit(self, fields: Fields) -> Submitted:
        """Drop an action, durable when this returns. Raises `UsageError`, `HitlError`."""
        fields = {name: value for name, value in fields.items() if value is not None}
        id = str(fields.setdefault("id", secrets.token_hex(8)))
        return Submitted(id, self._drop(id, fields))

    def cancel(self, action: Submitted | str) -> Submitted:
        """Ask that an action be withdrawn."""
        id = id_of(action)
        return Submitted(id, self._drop("cancel", {"cancel": id}))

    def report(self, result: Result, outcome: Fields) -> Submitted:
        """Say what became of a permit. Raises `UsageError` where the result holds none."""
        if result.permit is None:
            raise UsageError(f"{result.case} is {result.status}: there is no permit to report on")
        said = {"report": result.case, "permit": result.permit.token, "outcome": outcome}
        return Submitted(result.id, self._drop("report", said))

    def take(self, result: Result) -> bool:
        """Whether the permit is this caller's to use: it is so once, whichever process asks, and
        however it ends after that."""
        if result.permit is None:
            raise UsageError(f"{result.case} is {result.status}: there is no permit to take")
        mark = hashlib.sha256(result.permit.token.encode()).hexdigest()[:32]
        path = self.root / "tmp" / f"permit-{result.case}-{mark}"
        try:
            write_new(path, b"")
        except FileExistsError:
            return False
        except OSError as error:
            raise HitlError(f"{path}: {error.strerror}; nothing was run") from None
        sync_directory(path.parent)
        return True

    def taken(self, submitted: Submitted) -> bool:
        """Whether the daemon has read the file. Raises `Refused` where it could not take it.

        The reason of a refusal is written before the file moves, so one that is gone without a
        reason was taken.
        """
        if any(_there(self.root / place / submitted.file) for place in ("new", "cur")):
            self._tell_if_stuck(submitted)
            return False
        self._told = False
        refused = _read(self.root / "refused" / f"{submitted.file}.error.json")
        if refused is not None:
            raise _refusal(submitted.id, refused)
        return True

    def answer(self, action: Submitted | str, since: float) -> Result | None:
        """The result of an action, if there is one. Raises `Refused`: of an id alone, only where
        its file was refused after `since`, in seconds since the epoch; what was refused before
        may have been handed in again."""
        if not isinstance(action, str):
            return self._result(action.id) if self.taken(action) else None
        result = self._result(action)
        if result is None:
            self._check_refused(action, since)
        return result

    def _check_refused(self, id: str, since: float) -> None:
        try:
            news = (self.root / "refused").stat().st_mtime >= since
        except OSError:
            return
        refused = last_refusal(self.root, id, since) if news else None
        # Of an id in use it is another action that was refused.
        if refused is not None and refused["error"] != "id_conflict":
            raise _refusal(id, refused)

    def _tell_if_stuck(self, submitted: Submitted) -> None:
        """One warning, where a file has been waiting for a daemon for a while."""
        if self._told:
            return
        try:
            waited = time.time() - (self.root / "new" / submitted.file).lstat().st_mtime
        except OSError:
            return
        if waited >= _SOON_TAKEN:
            self._told = True
            log.warning(
                "%s has been waiting in %s for %d s: no daemon is running (start it: hitl-mail"
                " run), or this agent has too many open cases; it counts when it is taken",
                submitted.id,
                self.root / "new",
                waited,
            )

    def _result(self, id: str) -> Result | None:
        if not id or "/" in id:
            raise UsageError(f"{id!r} is no action's id: letters, digits, dots, _ and -")
        document = _read(self.root / "results" / f"{id}.json")
        return None if document is None else read_result(document)

    def _drop(self, stem: str, document: Fields) -> str:
        name = f"{stem}.{secrets.token_hex(6)}.json"
        try:
            data = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"{stem}: this is no JSON: {error}") from None
        drop(self.root, data, name)
        return name


def action_fields(kind: str, payload: Fields, summary: str, id: str | None, more: Fields) -> Fields:
    """The document of an action; `more` are the other fields of `hitl-mail schema action`."""
    if again := _WORDS & more.keys():
        raise UsageError(f"{', '.join(sorted(again))}: given twice")
    return {"kind": kind, "payload": payload, "summary": summary, "id": id, **more}


def _refusal(id: str, refused: dict[str, Any]) -> Refused:
    """The error of a reason file."""
    text = f"{id} was refused: {reason(refused)}"
    return Refused(refused["error"], text, refused.get("field"))


def _there(path: Path) -> bool:
    try:
        path.lstat()
    except PermissionError:
        # `cur/` is the daemon's own where agents have other OS users.
        return False
    except OSError:
        return False
    return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise HitlError(f"{path}: {error.strerror}; is this your agent's spool?") from None
    return value
