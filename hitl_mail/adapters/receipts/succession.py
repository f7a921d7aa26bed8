"""Keys follow one another: one that has been replaced signs nothing after.

So who stole a key adds nothing to a chain that has gone on with another. Knows no key, only what
the receipts say of the one that signed them, in their order.
"""

from __future__ import annotations


class Succession:
    """The keys that signed, seen in the order of the receipts."""

    def __init__(self) -> None:
        self._now: str | None = None
        self._replaced: set[str] = set()

    def see(self, key: str) -> str | None:
        """Take in the key of the next receipt; what is wrong with it, or None."""
        if key in self._replaced:
            return f"it is signed with the key {key}, which another had replaced before"
        if self._now is not None and key != self._now:
            self._replaced.add(self._now)
        self._now = key
        return None
