"""Which open cases wait for whom: for a mail that says how many, and for a reviewer's queue."""

from __future__ import annotations

from hitl_mail.core.case import Case
from hitl_mail.core.quorum import waiting_for


class Waiting:
    """Adds up the cases it is shown: with ten thousand open ones, none is looked at for a mail."""

    def __init__(self) -> None:
        self._of_case: dict[str, tuple[str, ...]] = {}
        self._of_person: dict[str, set[str]] = {}

    def watch(self, case: Case) -> None:
        # An approved case with a permit waits for its agent, which is nobody here.
        people = () if case.status == "approved" else waiting_for(case)
        for person in self._of_case.pop(case.id, ()):
            self._of_person[person].discard(case.id)
        if people:
            self._of_case[case.id] = people
            for person in people:
                self._of_person.setdefault(person, set()).add(case.id)

    def count(self, person: str) -> int:
        """How many open cases wait for `person`."""
        return len(self._of_person.get(person, ()))

    def counts(self) -> dict[str, int]:
        """How many open cases wait for each person, the busiest first."""
        found = [(person, len(ids)) for person, ids in self._of_person.items() if ids]
        return dict(sorted(found, key=lambda item: (-item[1], item[0])))

    def waits(self, case_id: str) -> bool:
        """Whether a case waits for anybody."""
        return case_id in self._of_case

    def cases(self, person: str) -> frozenset[str]:
        """The ids of the open cases that wait for `person`."""
        return frozenset(self._of_person.get(person, ()))
