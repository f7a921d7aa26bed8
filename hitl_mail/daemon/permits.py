"""The tokens by which agents prove their permits: derived from the case, never stored."""

from __future__ import annotations

from dataclasses import dataclass

from hitl_mail.core.case import Case
from hitl_mail.review.tokens import permit_matches, permit_token


@dataclass(frozen=True)
class Permits:
    """`keys` are secrets, the newest last: it makes tokens, all verify."""

    keys: tuple[bytes, ...]

    def token(self, case: Case) -> str:
        """The token of the permit a case holds."""
        return permit_token(self.keys[-1], case.id, case.attempts, _digest(case))

    def matches(self, case: Case, token: str) -> bool:
        """Whether a report's token is that of the permit this case holds."""
        if case.permit is None:
            return False
        return permit_matches(token, self.keys, case.id, case.attempts, _digest(case))


def _digest(case: Case) -> str:
    return case.permit.digest if case.permit is not None else ""
