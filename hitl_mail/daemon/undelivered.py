"""Questions that do not reach their reviewer: which still matter, and what the admins are told.

Silence is never consent, and a reviewer who was not asked is silent for no fault of their own.
"""

from __future__ import annotations

from hitl_mail.core.case import Case, MailLog
from hitl_mail.core.desk import Desk, Notice, Noticed
from hitl_mail.core.effects import ASKS, QUESTIONS, Mail

WITHDRAWN = "withdrawn: decided meanwhile"


def is_stale(case: Case, mail: Mail) -> bool:
    """A question that was never delivered need not be asked once it is answered."""
    asks = mail.about in QUESTIONS
    return asks and mail.attempts > 0 and not _is_open(case, mail.about, mail.revision)


def is_missed(case: Case, mail: MailLog) -> bool:
    """Whether somebody who was to be asked was not, and the question is still open."""
    if mail.status != "failed" or mail.error == WITHDRAWN:
        return False
    return _is_open(case, mail.what, mail.revision)


def notices(
    desk: Desk, case: Case, mail: Mail | MailLog, error: str, admins: tuple[str, ...], at: float
) -> list[Noticed]:
    """What the admins, but for the one whose mail it is, have not been told of it yet."""
    mark = f"undelivered {case.id}/{mail.id}"
    about = mail.about if isinstance(mail, Mail) else mail.what
    if about not in QUESTIONS or mark in desk.seen:
        return []
    others = [admin for admin in admins if admin != mail.to]
    return [
        Noticed(at, _notice(f"n{desk.made + count}", admin, case, mail.to, error, at), mark)
        for count, admin in enumerate(others, 1)
    ]


def _is_open(case: Case, what: str, revision: int) -> bool:
    if what in ASKS:
        return case.status == "pending" and revision == case.revision.number
    if what == "review":
        return case.in_review
    return what == "doubt" and case.status in ("held", "in_doubt")


def _notice(id: str, admin: str, case: Case, to: str, error: str, at: float) -> Notice:
    return Notice(
        id,
        admin,
        f"Not delivered: {case.title}",
        (
            f"The mail that asks {to} about this case could not be delivered and is not sent "
            "again.",
            error,
            f"The case is open. Let {to} or another reviewer decide it at the command line "
            f"(hitl-mail show {case.id}), and mend the address under [people.{to}] in "
            "hitl-mail.toml.",
        ),
        at,
        case.id,
    )
