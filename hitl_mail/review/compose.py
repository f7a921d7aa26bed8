"""Every mail we write, as bytes: the same case and mail, at the same `Moment`, give the same bytes,
and at any moment the same Message-ID, so that a mail sent twice is one mail. Knows no transport and
no clock.

The first line of each is `SENTINEL`, and so is the title of its HTML: all that a client quotes of
us stands below it, and the reader of replies cuts there first.
"""

from __future__ import annotations

import datetime as dt
import re
from email.utils import format_datetime
from typing import Any

import msgspec

from hitl_mail.core.action import Action, read_message
from hitl_mail.core.canonical import digest_bytes
from hitl_mail.core.case import Case
from hitl_mail.core.desk import Notice
from hitl_mail.core.effects import ASKS, QUESTIONS, Mail
from hitl_mail.core.quorum import waiting_for
from hitl_mail.core.text import escape_json, one_line
from hitl_mail.errors import HitlError
from hitl_mail.review import mime
from hitl_mail.review.answers import Note, note
from hitl_mail.review.ask import ask_view
from hitl_mail.review.facts import Moment, SiteFacts
from hitl_mail.review.links import Links, Purpose, link_url
from hitl_mail.review.packing import build_packet, find_revision
from hitl_mail.review.parts import render_parts
from hitl_mail.review.templates import Templates
from hitl_mail.review.tokens import Tokens

_REPLY_TO = re.compile(r"<[!-;=?-~]{1,250}>")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")


class Composed(msgspec.Struct, frozen=True):
    """A mail ready to send. `name` is stable and unique, fit for a file; `digest` is of the
    bytes."""

    message: bytes
    message_id: str
    to_address: str
    name: str
    digest: str


class Composer:
    """Writes the mails of one site. `links` are used where the site has a `base_url`."""

    def __init__(
        self,
        facts: SiteFacts,
        tokens: Tokens,
        links: Links,
        templates: Templates,
        moment: Moment | None = None,
    ) -> None:
        self._facts = facts
        self._tokens = tokens
        self._links = links
        self._templates = templates
        self._moment = moment or Moment()

    def compose(self, case: Case, mail: Mail) -> Composed:
        """One mail of a case. Raises `HitlError` where its person is no longer in the site."""
        message_id = self._message_id(case, mail.id, mail.revision, mail.to, mail.at)
        reply_address = self._reply_address(case, mail)
        subject = f"[hitl {case.id}] {one_line(case.title, 150)}"
        first = next((log.id for log in case.mails if log.to == mail.to), mail.id)
        thread = []
        if first != mail.id:
            log = next(log for log in case.mails if log.id == first)
            # When it was handed over is as near as is known to when it was owed.
            owed = min(mail.at, log.at or mail.at)
            thread.append(self._message_id(case, first, log.revision, mail.to, owed))
            subject = f"Re: {subject}"
        if mail.reply_to and _REPLY_TO.fullmatch(mail.reply_to):
            thread.append(mail.reply_to)
        if mail.about in QUESTIONS:
            body = self._packet(case, mail, reply_address, message_id)
        else:
            body = self._note(case, mail, message_id)
        return self._finish(
            to=mail.to,
            subject=subject,
            at=mail.at,
            message_id=message_id,
            reply_address=reply_address,
            thread=thread,
            answers=mail.reply_to is not None,
            body=body,
            name=f"{case.id}-{mail.id}",
        )

    def compose_notice(self, notice: Notice) -> Composed:
        """A mail about no open case, in the notice's words. Raises `HitlError` as `compose`."""
        message_id = self._tokens.notice_id(notice.id, notice.to, notice.at)
        subject = f"[hitl {notice.case}] {notice.subject}" if notice.case else notice.subject
        valid = notice.reply_to if _REPLY_TO.fullmatch(notice.reply_to or "") else None
        words = Note(notice.subject, notice.paragraphs)
        view = {**_note_view(words), "case": notice.case, "title": notice.subject, "receipt": None}
        return self._finish(
            to=notice.to,
            subject=one_line(subject, 180),
            at=notice.at,
            message_id=message_id,
            reply_address=self._facts.address,
            thread=[valid] if valid else [],
            answers=notice.reply_to is not None,
            body=self._alternative("answer", view, message_id),
            name=f"notice-{_UNFIT.sub('_', notice.id)}",
        )

    def _message_id(self, case: Case, mail: str, revision: int, person: str, at: float) -> str:
        seen = find_revision(case, revision).digest
        return self._tokens.message_id(case.id, revision, mail, seen, person, at)

    def _reply_address(self, case: Case, mail: Mail) -> str:
        if not self._facts.subaddressing:
            return self._facts.address
        seen = find_revision(case, mail.revision).digest
        return self._tokens.reply_address(case.id, mail.revision, seen, mail.to, mail.at)

    def _packet(self, case: Case, mail: Mail, reply_address: str, message_id: str) -> bytes:
        others = self._others(case, mail.to)
        case = _as_asked(case, mail)
        packet = build_packet(case, mail.to, self._facts, mail.at, mail.revision)
        view = ask_view(
            case,
            packet,
            page=self._link("decide", case, packet.seen, mail),
            receipt=self._link("receipt", case, packet.seen, mail),
            # A mailto link makes a new mail: without a token in the address it answers nothing.
            reply_address=reply_address if self._facts.subaddressing else None,
            about="review again" if _reviews_again(case, mail) else mail.about,
            stands_for=self._moment.stands_for(case, mail.to),
            others=others,
            queue=self._queue(mail) if others > 0 else None,
            zone=self._facts.zone,
        )
        body = self._alternative("ask", view, message_id)
        action = read_message(case.action, case.action_id)
        name = f"{case.id}-{packet.revision}.json"
        files = [mime.attachment(name, "application/json", escape_json(packet.json).encode())]
        if isinstance(action, Action):
            files += [
                mime.attachment(file.name, file.content_type, file.content)
                for file in action.attachments
            ]
        return mime.multipart("mixed", message_id, [body, *files])

    def _note(self, case: Case, mail: Mail, message_id: str) -> bytes:
        seen = find_revision(case, mail.revision).digest
        view = {
            **_note_view(note(case, mail, self._moment.newest(), self._facts.zone)),
            "case": case.id,
            "title": case.title,
            "receipt": self._link("receipt", case, seen, mail),
        }
        return self._alternative("answer", view, message_id)

    def _link(self, purpose: Purpose, case: Case, seen: str, mail: Mail) -> str | None:
        if not self._facts.base_url:
            return None
        token = self._links.make(purpose, case.id, seen, mail.to, mail.at)
        return link_url(self._facts.base_url, purpose, token)

    def _others(self, case: Case, person: str) -> int:
        """How many more wait for this person: this one is no news to its reader."""
        return self._moment.waiting_for(person) - (person in waiting_for(case))

    def _queue(self, mail: Mail) -> str | None:
        if not self._facts.base_url:
            return None
        token = self._links.make("queue", "", "", mail.to, mail.at)
        return link_url(self._facts.base_url, "queue", token)

    def _alternative(self, name: str, view: dict[str, Any], message_id: str) -> bytes:
        text, html = render_parts(self._templates, name, view)
        parts = [mime.text_part("plain", text), mime.text_part("html", html)]
        return mime.multipart("alternative", message_id, parts)

    def _finish(
        self,
        *,
        to: str,
        subject: str,
        at: float,
        message_id: str,
        reply_address: str,
        thread: list[str],
        answers: bool,
        body: bytes,
        name: str,
    ) -> Composed:
        if to not in self._facts.people:
            raise HitlError(f"no mail address of {to} is configured any more; see [people]")
        to_address = self._facts.people[to][0]
        moment = dt.datetime.fromtimestamp(int(at), self._facts.zone)
        head = [
            mime.structured("From", mime.mailbox(self._facts.name, self._facts.address)),
            mime.structured("To", to_address),
            mime.structured("Reply-To", reply_address),
            mime.field("Subject", subject),
            mime.structured("Date", format_datetime(moment)),
            mime.structured("Message-ID", message_id),
        ]
        if thread:
            head.append(mime.structured("In-Reply-To", thread[-1]))
            head.append(mime.structured("References", *thread))
        head += [
            mime.structured("Auto-Submitted", "auto-replied" if answers else "auto-generated"),
            mime.structured("X-Auto-Response-Suppress", "All"),
            mime.structured("MIME-Version", "1.0"),
        ]
        message = b"".join(head) + body
        return Composed(message, message_id, to_address, name, digest_bytes(message))


def _as_asked(case: Case, mail: Mail) -> Case:
    """The case as it stood when the mail was owed: sent late, or again after a crash, it is the
    same mail."""
    if mail.about in ASKS:
        said = tuple(decision for decision in case.decisions if decision.at <= mail.at)
        return msgspec.structs.replace(case, status="pending", decisions=said)
    if mail.about == "review" and case.review is not None:
        review = msgspec.structs.replace(case.review, status="open")
        return msgspec.structs.replace(case, review=review)
    if case.status not in ("held", "in_doubt"):
        return msgspec.structs.replace(case, status="in_doubt")
    return case


def _reviews_again(case: Case, mail: Mail) -> bool:
    """Whether this person was asked for this review before."""
    if mail.about != "review":
        return False
    asked = [log.id for log in case.mails if log.what == "review" and log.to == mail.to]
    return mail.id in asked[1:]


def _note_view(words: Note) -> dict[str, Any]:
    return {
        "headline": words.headline,
        "paragraphs": words.paragraphs,
        "said": words.said,
        "lines": words.lines,
        "texts": words.texts,
        "example": words.example,
    }
