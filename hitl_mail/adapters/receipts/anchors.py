"""Receipts that somebody else remembers, and whether a chain still holds them at their place.

Who rewrites a history with the signing key in hand can make a chain that is right in itself, but
cannot change the mails and notes that others keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Anchors:
    """`placed` are (seq, digest, who says so); `digests` may be anywhere in the chain."""

    placed: tuple[tuple[int, str, str], ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.placed) + len(self.digests)

    def look(self) -> Held:
        """Begin to look for all of them, once through a chain."""
        by_seq: dict[int, list[tuple[str, str]]] = {}
        for seq, digest, source in self.placed:
            by_seq.setdefault(seq, []).append((digest, source))
        return Held(by_seq, set(self.digests))


@dataclass(slots=True)
class Held:
    """What is still looked for."""

    _placed: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    _digests: set[str] = field(default_factory=set)

    def see(self, seq: int, digest: str) -> str | None:
        """One receipt of the chain; what is wrong with it, or None."""
        self._digests.discard(digest)
        for held, source in self._placed.pop(seq, []):
            if held != digest:
                return f"its digest is {digest}, but {source} names {held}: one was rewritten"
        return None

    def missing(self) -> str | None:
        """What was not found, in words, once the chain is at its end."""
        for seq, held in sorted(self._placed.items()):
            return f"receipt {seq}, which {held[0][1]} names, is missing"
        for digest in sorted(self._digests):
            return f"no receipt has the digest {digest}: it was taken away, or another history"
        return None


NO_ANCHORS = Anchors()
