"""How many open cases wait for whom, so that a mail can say what else waits for its reader."""

from __future__ import annotations

from collections import Counter

from hitl_mail.core.case import Case
from hitl_mail.core.quorum import waiting_for


class Waiting:
    """Adds up the cases it is shown: with ten thousand open ones, none is looked at for a mail."""

    def __init__(self) -> None:
        self._of_case: dict[str, tuple[str, ...]] = {}
        self._count: Counter[str] = Counter()

    def watch(self, case: Case) -> None:
        # An approved case with a permit waits for its agent, which is nobody here.
        people = () if case.status == "approved" else waiting_for(case)
        self._count.subtract(self._of_case.pop(case.id, ()))
        if people:
            self._of_case[case.id] = people
            self._count.update(people)

    def count(self, person: str) -> int:
        """How many open cases wait for `person`."""
        return self._count[person]
