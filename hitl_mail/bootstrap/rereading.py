"""What a daemon reads at its start, and what of it again when it changes: settings, rules, keys."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from hitl_mail.adapters.durable import replace_file
from hitl_mail.adapters.keys.keys import load_keys
from hitl_mail.adapters.receipts.book import ReceiptBook
from hitl_mail.bootstrap.reading import load_config, load_policy
from hitl_mail.core.sampling import draw
from hitl_mail.daemon.as_read import AsRead
from hitl_mail.home import Home
from hitl_mail.policy.judge import Policy
from hitl_mail.review.links import Links
from hitl_mail.review.tokens import Tokens

_ROTATED = ("links", "addresses", "sampling", "receipts")


class Config:
    """hitl-mail.toml, which only a start reads, and the rules with the schemas that they named when
    they were read last, sound or not: a schema may be what has to be mended."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._settings, self.rules = AsRead(_version), AsRead(_version)
        with self._settings.reading() as note, self.rules.reading() as note_rules:
            note(home.site_file)
            self.site, self.policy = load_config(home, seen=note_rules)
        self.mode = 0o600 if self.site.site.group is None else 0o640

    def site_changed(self) -> bool:
        """Whether hitl-mail.toml is no longer what this daemon has read."""
        return self._settings.changed()

    def load(self) -> Policy:
        """The policy as it is on disk now, kept under its digest once it is sound."""
        with self.rules.reading() as note:
            policy = load_policy(self._home, self.site, seen=note)
            self.keep(policy)
        self.policy = policy
        return policy

    def keep(self, policy: Policy) -> None:
        """Keep the text of a policy that is used, under its digest."""
        kept = self._home.policies / f"{policy.digest.removeprefix('sha256:')}.toml"
        if not kept.exists():
            replace_file(kept, [policy.text.encode()], self.mode)


class Ring:
    """The keys as they are on disk now, and what mails and pages sign with them."""

    def __init__(self, home: Home, address: str) -> None:
        self._home = home
        self.files = AsRead(_version)
        self._load()
        self.tokens = Tokens(address, self.keys.addresses[::-1])
        self.links = Links(self.keys.links[::-1])
        self._tell()

    def draw(self, case_id: str) -> float:
        """The draw of a case, by the newest key."""
        return draw(self.keys.sampling[-1], case_id)

    def take(self, receipts: ReceiptBook) -> dt.datetime | None:
        """Load them, and work with them from now on; when the next of them retires."""
        self._load()
        self._tell()
        receipts.sign_with(self.keys.key_id, self.keys.sign)
        return self.keys.retires

    def _load(self) -> None:
        with self.files.reading() as note:
            for name in _ROTATED:
                note(self._home.state / "keys" / f"{name}.json")
            self.keys = load_keys(self._home.state)

    def _tell(self) -> None:
        """Give mails and pages the keys, and when each was made."""
        since = self.keys.since
        self.tokens.rekey(self.keys.addresses[::-1], since["addresses"][::-1])
        self.links.rekey(self.keys.links[::-1], since["links"][::-1])


def _version(file: Path) -> tuple[int, int, int] | None:
    """What tells one state of a file from another; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
