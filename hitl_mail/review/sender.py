"""Who wrote a mail, and whether it may decide: design part 4, "Replies".

In two steps. `believe` reads the mail alone: its class, what it claims to answer, its one sender,
what our server says of that. `identify` then asks whether the claim is a secret that one of our
people holds for that case, and whether that person is the sender. Never raises, whatever the mail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from hitl_mail.core.action import CASE_ID
from hitl_mail.core.canonical import digest_bytes
from hitl_mail.review.authentication import Authentication, authenticate
from hitl_mail.review.automatic import Sign, answers_invitation, find_sign, says_away
from hitl_mail.review.bounce import is_bounce
from hitl_mail.review.headers import (
    Fields,
    addresses,
    decoded,
    find_defect,
    first,
    message_ids,
    one_address,
    read_fields,
    values,
)
from hitl_mail.review.reply import read_reply
from hitl_mail.review.tokens import Claim, Tokens

Class = Literal["reply", "auto-reply", "bounce", "unrelated"]

_ENVELOPE = (
    "to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to",
)  # fmt: skip
_ONCE = ("to", "subject", "content-type", "content-transfer-encoding")
_MOST_CLAIMS = 20
_LONGEST_SUBJECT = 2000
_SUBJECT = re.compile(rf"\[hitl ({CASE_ID.pattern})\]")
_REPLY = re.compile(r"(?:re|aw|sv|vs|antw|odp|res|rif|r|tr|ynt)\s?:", re.IGNORECASE)
"""How a reply's subject begins in the languages of mail programs."""


class Belief(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail says of itself, judged without any case.

    `problems` are sentences; a reply with any of them decides nothing. `claims` are tokens found,
    unchecked, those of the address first. `message_id` is the mail's own (or stands for its
    bytes), so that it counts once; `reply_to` is what an answer may refer to, None if unfit.

    `weak`: only soft signs make it automatic, and it answers a mail of ours: it may be a person's
    reply, which is then to be answered with help. Anything else that is no `reply` is never
    answered. `absent`: it answers a mail of ours for a person who is away.
    """

    class_: Class
    problems: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    from_address: str | None = None
    message_id: str = ""
    reply_to: str | None = None
    authentication: Authentication = Authentication("none")
    weak: bool = False
    absent: bool = False

    @property
    def case(self) -> str | None:
        """The case that the mail claims to be about."""
        return self.claims[0].case if self.claims else None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be answered, and whether they may decide.

    `person` holds the token: whom to write to, at their configured address. The mail decides only
    where `problems` is empty; `seen` is then the digest of the revision they answered.
    """

    person: str | None = None
    revision: int | None = None
    seen: str | None = None
    problems: tuple[str, ...] = ()


def believe(
    message: bytes,
    tokens: Tokens,
    require: Literal["dmarc", "token"],
    authserv_id: str | None = None,
    own_check: Authentication | None = None,
) -> Belief:
    """What there is to believe of a mail. `require` is `mail.authentication.require`.

    `own_check` is what `review.dkim.check_dkim` found. It counts only where no `authserv_id` is
    configured: where a server of ours checks senders, its word is the only one.
    """
    fields = read_fields(message)
    claims = _claims(fields, tokens)
    own_ids = message_ids(first(fields, "message-id"))
    reply_to = own_ids[0] if len(own_ids) == 1 else None
    froms = values(fields, "from")
    sender = one_address(froms[0]) if len(froms) == 1 else None
    class_, why, sign = _class(message, fields, claims, tokens)
    problems = [why] if why else []
    if sender is None:
        problems.append(
            "it has no From" if not froms
            else "it has more than one From" if len(froms) > 1
            else "its From is not exactly one plain address"
        )  # fmt: skip
    if defect := find_defect(message, checked=require == "dmarc"):
        problems.append(defect)
    found = Authentication("none")
    if sender and authserv_id:
        found = authenticate(fields, authserv_id, sender)
    elif sender:
        has_results = bool(values(fields, "authentication-results"))
        lacks = "no authserv_id is configured" if has_results else "no Authentication-Results"
        found = own_check or Authentication("none", detail=lacks)
    if require == "dmarc" and found.result != "pass":
        problems.append(f"the sender is not authenticated: {found.detail or found.result}")
    elif require == "dmarc" and (
        foreign := _added(fields) or _written_for_something_else(fields, claims, tokens)
    ):
        problems.append(foreign)
    return Belief(
        class_=class_,
        problems=tuple(problems),
        claims=claims,
        from_address=sender,
        message_id=reply_to or digest_bytes(message),
        reply_to=reply_to,
        authentication=found,
        weak=sign is not None and not sign.strong and bool(claims) and sender is not None,
        absent=sign is not None and sign.absent and bool(claims),
    )


def needs_own_check(
    belief: Belief,
    require: Literal["dmarc", "token"],
    authserv_id: str | None,
    people: Mapping[str, tuple[str, ...]],
) -> bool:
    """Whether this mail decides only if our own DKIM check passes. Never for a mail that is not
    from an address of our people: then only their domains are ever looked up."""
    return (
        require == "dmarc"
        and not authserv_id
        and belief.class_ == "reply"
        and any(_is_address_of(belief.from_address, known) for known in people.values())
    )


def identify(
    belief: Belief,
    case: str,
    revisions: Mapping[int, str],
    people: Mapping[str, tuple[str, ...]],
    tokens: Tokens,
) -> Identity:
    """Whose token the mail bears for this case. `revisions` are the case's digests by number,
    `people` maps each person to their addresses."""
    holders = [
        (person, claim.revision, seen)
        for claim in belief.claims
        if claim.case == case
        and (seen := revisions.get(claim.revision)) is not None
        and (person := tokens.find_person(claim, seen, people)) is not None
    ]
    if not holders:
        return Identity(problems=(*belief.problems, "it bears no valid token of this case"))
    # A reply to all may bear the tokens of several reviewers: the sender's own counts.
    own = [one for one in holders if _is_address_of(belief.from_address, people[one[0]])]
    person, revision, seen = (own or holders)[0]
    problems = list(belief.problems)
    if belief.from_address is not None and not own:
        # Before anything else: nobody but them can mend what a stranger's mail lacks.
        problems.insert(0, f"it was not sent from an address of {person}")
    return Identity(person=person, revision=revision, seen=seen, problems=tuple(problems))


def evidence(belief: Belief) -> dict[str, Any]:
    """What a decision by mail rests on, for its receipt. Holds no secret."""
    return {
        "message_id": belief.message_id,
        "from": belief.from_address,
        "authentication": belief.authentication.document(),
    }


def _is_address_of(address: str | None, known: tuple[str, ...]) -> bool:
    return address is not None and address in {one.lower() for one in known}


def _class(
    message: bytes, fields: Fields, claims: tuple[Claim, ...], tokens: Tokens
) -> tuple[Class, str, Sign | None]:
    own_ids = [one for value in values(fields, "message-id") for one in message_ids(value)]
    if any(tokens.is_our_message(message_id) for message_id in own_ids):
        return "unrelated", "it is a mail of our own", None
    if any(tokens.is_ours(found) for value in values(fields, "from") for found in addresses(value)):
        return "unrelated", "it comes from our own address", None
    sign = find_sign(fields)
    if (sign is None or sign.class_ != "bounce") and not says_away(fields):
        sign = _returned(message, fields, claims, tokens, sign) or sign
    if sign is None and answers_invitation(message, fields):
        sign = Sign("auto-reply", "it answers an invitation", strong=False)
    if sign is not None:
        return sign.class_, sign.why, sign
    if claims:
        return "reply", "", None
    return "unrelated", "it answers no mail of ours", None


def _returned(
    message: bytes, fields: Fields, claims: tuple[Claim, ...], tokens: Tokens, sign: Sign | None
) -> Sign | None:
    """Whether the text is a bounce's, where the header does not say so.

    Of what may be a person's reply only the new text is read: a mail of ours may be about mails
    that came back, and is quoted in every reply to it.
    """
    strong = sign is not None and sign.strong
    subject, sender = first(fields, "subject"), first(fields, "from")
    if not strong and (claims or _REPLY.match(subject) or first(fields, "in-reply-to")):
        text = "\n".join(read_reply(message, tokens.is_ours).lines)
        message = f"From: {sender}\nSubject: {subject}\n\n{text}\n".encode("utf-8", "replace")
    if not is_bounce(message):
        return None
    return Sign("bounce", "it says that a mail could not be delivered", strong=strong or not claims)


def _added(fields: Fields) -> str | None:
    """Why what we read of a mail need not be what its signature covers: that is the lowest of
    several fields of a name (RFC 6376, 5.4.2), and we take the topmost."""
    names = [name for name, _ in fields]
    again = next((name for name in _ONCE if names.count(name) > 1), None)
    return f"it has more than one {again.title()}" if again else None


def _written_for_something_else(
    fields: Fields, claims: tuple[Claim, ...], tokens: Tokens
) -> str | None:
    """Why a mail whose sender is vouched for was not meant as an answer of this case.

    A signature covers To and Subject, and may leave out In-Reply-To, Cc and the envelope. So
    whoever has any signed mail that says approve, and one of ours to its sender, could join them.
    """
    to = [one for value in values(fields, "to") for one in addresses(value)]
    if not any(tokens.is_ours(address) for address in to):
        return "it was not written to us: our address is not in its To"
    named = _SUBJECT.findall(decoded(first(fields, "subject")[:_LONGEST_SUBJECT]))
    if claims and named and claims[0].case not in named:
        return f"its subject is that of another case, {named[0]}"
    return None


def _claims(fields: Fields, tokens: Tokens) -> tuple[Claim, ...]:
    """Tokens in the addresses it was sent to, then in what it replies to, newest first."""
    found = [
        tokens.parse_address(address)
        for name in _ENVELOPE
        for value in values(fields, name)
        for address in addresses(value)
    ]
    answered = [
        *message_ids(first(fields, "in-reply-to")),
        *reversed(message_ids(first(fields, "references"))),
    ]
    found += [tokens.parse_message_id(message_id) for message_id in answered]
    return tuple(dict.fromkeys(claim for claim in found if claim is not None))[:_MOST_CLAIMS]
