"""A question after the fact that does not reach its reviewer is a question all the same."""

from __future__ import annotations

import msgspec

from hitl_mail.core import commands as cmd
from hitl_mail.core.case import Case
from hitl_mail.core.desk import Desk
from hitl_mail.daemon.undelivered import is_missed, is_stale, notices
from tests.factories import action, after, begin, case_after, decide_, finish, quorum, receive
from tests.factories import verdict as judged
from tests.mails import mail_to


def in_review() -> Case:
    labels = judged("sample", (), reviews=(quorum("labels"),), review_expires=99)
    return case_after(receive(action(), labels), begin(), finish(), cmd.FiledAs(1, "sha256:a"))


def test_a_review_mail_that_waited_is_not_sent_once_the_review_is_over() -> None:
    case = in_review()
    mail = msgspec.structs.replace(mail_to(case), attempts=1)
    assert not is_stale(case, mail)
    assert is_stale(after(case, decide_(case, verb="ok")), mail)


def test_the_admins_hear_of_a_review_mail_that_cannot_be_delivered() -> None:
    case = in_review()
    mail = mail_to(case)
    failed = after(case, cmd.MailWas(mail.id, "failed", error="no such mailbox"))
    [log] = [log for log in failed.mails if log.id == mail.id]
    assert is_missed(failed, log)
    [told] = notices(Desk(), case, mail, "no such mailbox", ("cleo",), 1.0)
    assert told.notice.to == "cleo"
