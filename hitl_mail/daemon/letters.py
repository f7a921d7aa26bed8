"""Where a reply becomes a decision.

A letter decides only if it is a reply (no bounce, no auto-reply, nothing of our own), bears the
secret token of one of our people for that case and revision, comes from that person, and its first
new line is a command. Whatever it lacks is told to that person at their configured address, never
to whoever the letter says it is from. An automatic reply that says that a person is away is no
answer, but brings others in. A letter without a token of ours is left alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from hitl_mail.core.canonical import digest_bytes
from hitl_mail.core.case import Case, MailLog
from hitl_mail.core.commands import Absent, Answer, MailWas
from hitl_mail.core.desk import Notice, Noticed
from hitl_mail.core.effects import QUESTIONS
from hitl_mail.core.said import VERBS
from hitl_mail.daemon.believing import find_belief
from hitl_mail.daemon.closed import Closed, find_closed
from hitl_mail.daemon.deciding import Deciding, Spoken
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.undelivered import notices
from hitl_mail.daemon.words import outcome_sentence
from hitl_mail.daemon.world import World
from hitl_mail.errors import NotAllowed
from hitl_mail.ports import Letter, Receipts
from hitl_mail.review.bounce import read_bounce
from hitl_mail.review.dkim import FindTxt
from hitl_mail.review.facts import SiteFacts
from hitl_mail.review.packing import build_packet, find_revision
from hitl_mail.review.reply import Reply, read_reply
from hitl_mail.review.sender import Belief, Identity, evidence, identify
from hitl_mail.review.tokens import Claim, Tokens

log = logging.getLogger(__name__)


@dataclass
class Letters:
    """Handles one letter at a time; when `handle` returns, what it led to is durable."""

    engine: Engine
    receipts: Receipts
    world: World
    tokens: Tokens
    facts: SiteFacts
    deciding: Deciding
    find_txt: FindTxt

    async def handle(self, letter: Letter) -> None:
        """Decide, answer, or leave alone. Raises `StorageFailed` only."""
        settings = self.world.site.mail.authentication
        belief = await find_belief(
            letter.message,
            self.tokens,
            settings,
            self._people(),
            self.find_txt,
            self.engine.clock.now(),
        )
        reply = read_reply(letter.message, self.tokens.is_ours)
        # By a soft sign alone a person's command may look like a mail that came back.
        if belief.class_ == "bounce" and not (belief.weak and reply.verb):
            await self._returned(letter)
            return
        written = belief.class_ == "reply" or belief.weak
        if belief.case is None or not (written or belief.absent):
            log.info("%s: %s, left alone: %s", letter.place, belief.class_, belief.problems)
            return
        case = self.engine.cases.get(belief.case)
        if case is None or case.closed:
            if belief.class_ == "reply":
                await self._late(letter, belief, reply)
            return
        revisions = {revision.number: revision.digest for revision in case.revisions}
        who = identify(belief, case.id, revisions, self._people(), self.tokens)
        if who.person is None or who.seen is None:
            log.warning("%s: %s: %s", letter.place, case.id, "; ".join(who.problems))
            return
        if belief.class_ != "reply":
            await self._automatic(case, who.person, belief, reply)
        elif who.problems:
            log.warning("%s: %s: %s", letter.place, case.id, "; ".join(who.problems))
            await self._answer(case, who.person, belief, "not_believed", who.problems[0])
        elif reply.verb is None:
            await self._answer(case, who.person, belief, reply.key, reply.said, reply.detail)
        else:
            await self._decide(case, who.person, who.seen, belief, reply)

    async def _automatic(self, case: Case, person: str, belief: Belief, reply: Reply) -> None:
        """A mail that looks automatic decides nothing. Where it may be a person's own all the
        same, that person is told; where it tells of an absence, others are asked."""
        why = belief.problems[0] if belief.problems else "it looks automatic"
        if belief.weak and (reply.verb is not None or not belief.absent):
            await self._answer(case, person, belief, "automatic", why)
        elif belief.absent:
            log.info("%s: %s is away: %s", case.id, person, why)
            said, away = " ".join(reply.lines)[:200], self.world.away(case)
            absent = Absent(person, said, belief.message_id, away)
            await self.engine.handle(case.id, absent)

    async def _decide(
        self, case: Case, person: str, seen: str, belief: Belief, reply: Reply
    ) -> None:
        if reply.verb is None:
            return
        if reply.verb == "approve" and not self._shown_whole(case, person):
            await self._answer(case, person, belief, "too_long", reply.said)
            return
        if reply.verb in VERBS["in_doubt"] and self._may_be_of_an_earlier(case, person, belief):
            await self._answer(case, person, belief, "changed", reply.said)
            return
        said = Spoken(
            person=person,
            verb=reply.verb,
            via="mail",
            seen=seen,
            note=reply.note,
            to=reply.to,
            edit=reply.edit,
            evidence=evidence(belief),
            message_id=belief.message_id,
        )
        try:
            await self.engine.handle(case.id, self.deciding.command(case, said))
        except NotAllowed as error:
            await self._answer(case, person, belief, error.code, reply.said, error.detail)

    async def _answer(
        self, case: Case, person: str, belief: Belief, key: str, said: str, detail: str = ""
    ) -> None:
        answer = Answer(person, key, said, belief.message_id, detail)
        await self.engine.handle(case.id, answer)

    async def _returned(self, letter: Letter) -> None:
        """A mail of ours that came back was read by nobody: its case and the admins know it."""
        found = read_bounce(letter.message, self.tokens)
        case = self.engine.cases.get(found.claim.case) if found else None
        mail = self._claimed(case, found.claim) if found and case else None
        if found is None or case is None or mail is None:
            log.info("%s: bounce, left alone", letter.place)
            return
        admins, now = self.world.site.site.admins, self.engine.clock.now()
        told = notices(self.engine.desk, case, mail, found.why, admins, now)
        if told:
            await self.engine.note(*told)
        away = self.world.away(case)
        await self.engine.handle(case.id, MailWas(mail.id, "failed", error=found.why, away=away))

    def _claimed(self, case: Case, claim: Claim) -> MailLog | None:
        """The mail of the case that bore this Message-ID, or the newest question with this reply
        address."""
        for mail in reversed(case.mails):
            asks = mail.what in QUESTIONS and mail.revision == claim.revision
            if mail.id == claim.mail or (claim.mail is None and asks):
                seen = find_revision(case, mail.revision).digest
                if self.tokens.find_person(claim, seen, [mail.to]):
                    return mail
        return None

    async def _late(self, letter: Letter, belief: Belief, reply: Reply) -> None:
        """A reply about a closed case is answered, if its sender is to be believed."""
        case_id = belief.case or ""
        closed = find_closed(self.receipts, case_id)
        if closed is None:
            return
        stored = closed.receipt["revisions"]
        known = stored if isinstance(stored, list) else []
        revisions = {revision["number"]: revision["digest"] for revision in known}
        who = identify(belief, case_id, revisions, self._people(), self.tokens)
        if who.person is None or who.problems:
            log.warning("%s: %s: %s", letter.place, case_id, "; ".join(who.problems))
            return
        # Delivered twice, or read again after a crash: its answer is the outcome.
        if closed.rests_on("message_id", belief.message_id, who.person):
            return
        # One an hour: what answers each answer is left alone, and a letter read twice. Who asks for
        # help gets it each time.
        asked = digest_bytes(letter.message) if reply.key == "help" else ""
        mark = f"late {case_id}/{who.person}/{asked or int(self.engine.clock.now() // 3600)}"
        if mark not in self.engine.desk.seen:
            await self._notice(case_id, closed, who, belief, mark)

    async def _notice(
        self, case: str, closed: Closed, who: Identity, belief: Belief, mark: str
    ) -> None:
        now, receipt = self.engine.clock.now(), closed.review or closed.receipt
        sentence = outcome_sentence(closed.status, closed.receipt["outcome"])
        decided = ", ".join(dict.fromkeys(d["by"] for d in closed.decisions)) or "nobody"
        notice = Notice(
            f"n{self.engine.desk.made + 1}",
            who.person or "",
            f"Closed already: {receipt['title']}",
            (
                "Your reply came after this case was closed, and changed nothing.",
                f"{sentence} Decided by: {decided}.",
                f"Receipt #{receipt['seq']}, {receipt['digest']}.",
            ),
            now,
            case,
            belief.reply_to,
        )
        await self.engine.note(Noticed(now, notice, mark))

    def _shown_whole(self, case: Case, person: str) -> bool:
        """What a reviewer saw is what runs: a mail that could not show all of it takes no yes."""
        return build_packet(case, person, self.facts, self.engine.clock.now()).whole

    def _may_be_of_an_earlier(self, case: Case, person: str, belief: Belief) -> bool:
        """Whether it answers a mail of ours behind which this person was asked again what to do,
        about a later attempt, or may do so: what was said of the one before would start, or
        settle, that one.

        A reply address names the revision alone, and an attempt makes no new one; the rest, no
        signature has to cover. So where they were asked more than once, the mail has to answer the
        last time by its Message-ID, whose secret whoever sends a mail again does not know.
        """
        digests = {revision.number: revision.digest for revision in case.revisions}
        answered = {
            claim.mail
            for claim in belief.claims
            if claim.case == case.id
            and (seen := digests.get(claim.revision)) is not None
            and self.tokens.find_person(claim, seen, [person])
        }
        asked = [mail.id for mail in case.mails if (mail.what, mail.to) == ("doubt", person)]
        ids: list[str | None] = [mail.id for mail in case.mails]
        last = max((ids.index(mail) for mail in answered if mail in ids), default=None)
        if last is None:
            return len(asked) > 1
        return any(ids.index(mail) > last for mail in asked)

    def _people(self) -> dict[str, tuple[str, ...]]:
        return dict(self.facts.people)
