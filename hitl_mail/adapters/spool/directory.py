"""The directories through which agents, and people at the command line, pass files to the daemon.

Maildir's manners (design 1.2): written in `tmp/`, renamed into `new/`, claimed by renaming into
`cur/`, forgotten once what they say is durable. Whoever writes in `new/` may change it at any
instant, so nothing is believed of a file before it is in `cur/` and open. What the files say is
not this module's to know.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hitl_mail.adapters.durable import drop_asides
from hitl_mail.adapters.spool.claims import CLAIMS, TOGETHER, Claims
from hitl_mail.adapters.spool.files import (
    check_regular,
    plain_name,
    read_bounded,
)
from hitl_mail.adapters.spool.passed import Passed
from hitl_mail.adapters.spool.refused import Refusals, RefusedDirectory, RefusedInResults
from hitl_mail.adapters.spool.results import write_results
from hitl_mail.errors import Refused, SyncFailed
from hitl_mail.ports import Spooled

OnRefused = Callable[[str, Mapping[str, Any]], None]

Only = Callable[[str, bytes], bool]
"""Whether a file, by its name and what it holds, is to be claimed now."""

_SHARED_MODES = {"": 0o750, "tmp": 0o3770, "new": 0o3770, "cur": 0o700}
_SHARED_RESULTS = 0o2750


class SpoolDirectory:
    """`ports.Spool` over a directory with `tmp/ new/ cur/ results/ refused/`.

    `uid`: the only owner whose files are taken, None for any. `refused=False` (the people's
    `control/`): there is no `refused/`; a refusal is `results/STEM.json` and the file is deleted.
    `shared`: several OS users drop files here, each of which is its owner's word; so nobody else
    may have written it.
    `on_refused` is told the name and the reason of each refusal once both are written down.
    `more`, after `claim`: it stopped before it had looked at everything.
    """

    def __init__(
        self,
        root: Path,
        max_bytes: int,
        uid: int | None = None,
        refused: bool = True,
        on_refused: OnRefused | None = None,
        shared: bool = False,
    ) -> None:
        self.root = root
        self.more = False
        self._max_bytes = max_bytes
        self._uid = uid
        self._shared = shared
        self._on_refused = on_refused
        self._names = ("tmp", "new", "cur", "results", *(("refused",) if refused else ()))
        self._refusals: Refusals = (
            RefusedDirectory(root / "refused") if refused else RefusedInResults(root / "results")
        )
        self._claims = Claims(root / "cur")
        self._held: dict[str, int] = {}
        """Names in `cur/` that are not to be looked at again, and how often each was claimed."""
        self._left: list[str] | None = None
        """Names in `cur/` still to be handed out; None before the first look."""
        self._stuck: dict[str, int] = {}
        """Entries of `new/` that cannot be moved, by name, with their inode."""
        self._passed = Passed()
        """Entries that a `claim` with `only` left."""

    def create(self, group: int | None = None) -> None:
        """Make the directories that are missing, 0700; clear what a kill left half-written.

        With the id of an OS group, all are given modes: `tmp` and `new` writable by it (sticky:
        each only their own files), results readable. Raises OSError.
        """
        for name in ("", *self._names):
            path = self.root / name
            path.mkdir(mode=0o700, parents=not name, exist_ok=True)
            if group is not None:
                os.chown(path, -1, group)
                path.chmod(_SHARED_MODES.get(name, _SHARED_RESULTS))
        for name in self._names[3:]:
            drop_asides(self.root / name)

    def claim(self, limit: int, only: Only | None = None) -> list[Spooled]:
        """The files claimed of the first `limit` looked at, oldest first.

        With `only`, what it does not want stays in `new/`; what the file holds may be something
        else by the time it is claimed. A file that was handed out `TOGETHER` times already comes
        alone: if the daemon ends once more, no other file is suspected. Raises OSError where the
        spool itself fails and nothing was claimed.
        """
        claimed: list[Spooled] = []
        self.more = False
        try:
            with self._open("new") as new, self._open("cur") as cur:
                looked = self._recover(cur, limit, claimed)
                self.more = self.more or bool(self._left)
                if not self.more:
                    self._advance(new, cur, limit - looked, claimed, only)
        except OSError:
            # What is claimed goes out first; a fault that stays comes up again in the next call.
            if not claimed:
                raise
            self.more = True
        # What was said first comes first: two files may be about one case.
        return sorted(claimed, key=lambda spooled: _written(spooled.path))

    def survived(self, spooled: Spooled) -> None:
        """This time does not count: what the file means is decided, and the daemon still there."""
        name = spooled.path.name
        claims = self._held.get(name, 1)
        if claims > 1:
            # Only a hint is lost where this fails: the file counts as suspect once more.
            with contextlib.suppress(OSError):
                self._claims.note(name, claims - 1)

    def done(self, spooled: Spooled) -> None:
        """Forget a claimed file: its command is durable."""
        self._forget(spooled.path.name)
        spooled.path.unlink(missing_ok=True)

    def refuse(self, spooled: Spooled, error: Mapping[str, Any]) -> None:
        """Set a claimed file aside, with the reason beside it."""
        with self._open("cur") as cur:
            try:
                self._set_aside(cur, spooled.path.name, error)
            except FileNotFoundError:
                if os.path.lexists(spooled.path):
                    raise
                # Somebody else took it away: there is nothing left to keep.
                self._forget(spooled.path.name)

    def result(self, name: str, document: Mapping[str, Any]) -> None:
        """Write `results/NAME.json`, whole and durable or not at all.

        Raises `Refused` for a name that is no plain file name, OSError.
        """
        (fault,) = self.results([(name, document)])
        if fault is not None:
            raise fault

    def results(
        self, documents: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[OSError | Refused | SyncFailed | None]:
        """The same of several together, in order; what kept each from being written."""
        return write_results(self.root / "results", documents)

    def sweep(self, before: float) -> None:
        """Remove the results that were written before this time. Raises OSError."""
        with os.scandir(self.root / "results") as entries:
            old = [
                entry.path
                for entry in entries
                if not entry.name.startswith(".")
                and entry.stat(follow_symlinks=False).st_mtime < before
            ]
        for path in old:
            Path(path).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _open(self, name: str) -> Iterator[int]:
        """A descriptor of one of the directories: no path is walked between check and use."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.root / name, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _recover(self, cur: int, limit: int, claimed: list[Spooled]) -> int:
        """Hand out again what a daemon claimed that is no more; how many were looked at."""
        if self._left is None:
            # What comes alone has nothing but its turn to keep it behind what it speaks of.
            self._left = sorted(
                self._claims.left(), key=lambda name: _written(self._path(name)), reverse=True
            )
        looked = 0
        while self._left and looked < limit and not self.more:
            name = self._left[-1]
            claims = self._claims.count(name) + 1
            alone = TOGETHER < claims <= CLAIMS
            if alone and claimed:
                break
            looked += 1
            self.more = alone
            spooled = self._reclaim(cur, name, claims)
            self._left.pop()
            if spooled is not None:
                claimed.append(spooled)
        return looked

    def _reclaim(self, cur: int, name: str, claims: int) -> Spooled | None:
        if claims > CLAIMS:
            detail = (
                f"the daemon ended {CLAIMS} times while it worked on this file; look whether it"
                " was taken before you drop it again"
            )
            self._set_aside(cur, name, _error(Refused("crashed", detail)))
            return None
        spooled = self._read(cur, name, claims)
        if spooled is not None:
            self._claims.note(name, claims)
        return spooled

    def _advance(
        self, new: int, cur: int, limit: int, claimed: list[Spooled], only: Only | None
    ) -> None:
        """Claim from `new/`, in the directory's own order: sorting would mean reading it all."""
        looked = 0
        self._passed.begin()
        with os.scandir(new) as entries:
            for entry in entries:
                name = entry.name
                if (name.startswith(".") and ".." not in name) or name in self._held:
                    continue
                if self._stuck.get(name) == entry.inode():
                    continue
                if only is not None and self._passed.knows(entry):
                    continue
                if looked == limit:
                    self.more = True
                    self._passed.break_off()
                    return
                looked += 1
                if only is not None and not self._wanted(new, name, only):
                    self._passed.add(entry)
                    continue
                spooled = self._take(new, cur, entry)
                if spooled is not None:
                    claimed.append(spooled)

    def _wanted(self, new: int, name: str, only: Only) -> bool:
        try:
            data, _ = read_bounded(new, name, self._max_bytes, self._uid)
        except (Refused, OSError):
            # What is wrong with it is found when it is claimed.
            return False
        return only(name, data)

    def _take(self, new: int, cur: int, entry: os.DirEntry[str]) -> Spooled | None:
        """Move a file from `new/` to `cur/` and read it; None if it is refused or gone."""
        name = entry.name
        try:
            check_regular(entry.stat(follow_symlinks=False).st_mode)
            if ".." in name:
                raise Refused("bad_name", "no name with .. is taken; name the file otherwise")
            if plain_name(name) != name:
                raise Refused("bad_name", "a name is UTF-8 of what can be seen, not long")
            os.rename(name, name, src_dir_fd=new, dst_dir_fd=cur)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            self._refuse_new(new, entry, Refused("unmovable", f"cannot be claimed: {error}"))
            return None
        except Refused as error:
            self._refuse_new(new, entry, error)
            return None
        try:
            return self._read(cur, name, 1)
        except OSError:
            self._left = [name]
            raise

    def _refuse_new(self, new: int, entry: os.DirEntry[str], error: Refused) -> None:
        try:
            if not self._refusals.put(new, entry.name, _error(error)):
                self._stuck[entry.name] = entry.inode()
            self._tell(entry.name, _error(error))
        except FileNotFoundError:
            # Of the file alone it is nothing; of `refused/` itself, somebody has to be told.
            if os.path.lexists(self.root / "new" / entry.name):
                raise

    def _read(self, cur: int, name: str, claims: int) -> Spooled | None:
        try:
            data, uid = read_bounded(cur, name, self._max_bytes, self._uid, self._shared)
        except FileNotFoundError:
            return None
        except Refused as error:
            self._set_aside(cur, name, _error(error))
            return None
        self._held[name] = claims
        return Spooled(self._path(name), name, data, uid)

    def _set_aside(self, cur: int, name: str, error: Mapping[str, Any]) -> None:
        if self._refusals.put(cur, name, error):
            self._forget(name)
        else:
            self._held[name] = CLAIMS
        self._tell(name, error)

    def _tell(self, name: str, error: Mapping[str, Any]) -> None:
        if self._on_refused is not None:
            self._on_refused(name, error)

    def _forget(self, name: str) -> None:
        # The count goes before the file: left behind, it would count against the next of its name.
        if self._held.pop(name, CLAIMS) > 1:
            self._claims.forget(name)

    def _path(self, name: str) -> Path:
        return self.root / "cur" / name


def _written(path: Path) -> tuple[int, str]:
    """When a file was written, as far as its owner lets us know."""
    try:
        return path.stat(follow_symlinks=False).st_mtime_ns, path.name
    except FileNotFoundError:
        return 0, path.name


def _error(refused: Refused) -> dict[str, Any]:
    return {"error": refused.code, "detail": refused.detail, "field": refused.field}
