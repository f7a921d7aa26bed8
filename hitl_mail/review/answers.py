"""The words of short mails: why a reply decided nothing, what became of a decision.

Each answer says what happened and the exact line to send now. No line of these begins with a
command, so that none of it, quoted back, reads as one. Knows nothing of MIME.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from hitl_mail.core.case import Case, ReceiptRef
from hitl_mail.core.effects import Mail
from hitl_mail.core.events import Verb
from hitl_mail.core.quorum import routes, unmet, waiting_for
from hitl_mail.core.said import verbs
from hitl_mail.core.text import one_line
from hitl_mail.review.choices import edit_example
from hitl_mail.review.facts import show_time
from hitl_mail.review.rows import rows_of
from hitl_mail.review.text import shorten

_LONGEST_OUTPUT = 1000

LINES: dict[Verb, tuple[str, str]] = {
    "approve": ("To approve", "approve"),
    "reject": ("To reject", "reject because (your reason)"),
    "route": ("To hand it on", "route (a person or group)"),
    "retry": ("To try again", "retry"),
    "done": ("To say that it did run", "done"),
    "ok": ("To say that it was right", "ok"),
    "flag": ("To say that it was wrong", "flag (and why)"),
    "abandon": ("To give up", "abandon"),
}
"""What a verb is for, and the one line that says it. An edit takes more than one."""

ANSWERS: dict[str, tuple[str, str]] = {
    "help": ("Here is what you can answer", "This mail decided nothing."),
    "not_understood": (
        "Nothing was decided: your reply was not understood",
        "The first line of a reply has to be one of the commands below, and nothing else. Only the "
        "first such reply within an hour gets an answer; one that asks for help always does.",
    ),
    "unavailable": (
        "Nothing was decided: this command is not available here",
        "What you wrote is a command that cannot be used on this case by mail.",
    ),
    "ambiguous": (
        "Nothing was decided: did you mean it without condition?",
        "Your reply begins like a decision but says more than that. Because what is approved is "
        "exactly what runs, a decision has to stand alone. A remark that changes nothing may "
        "stand behind a colon.",
    ),
    "too_long": (
        "Nothing was decided: too long to approve by mail",
        "The mail could not show it whole. Look at all of it and decide there.",
    ),
    "closed": ("Nothing was decided: the case is already closed", ""),
    "not_now": ("Nothing was decided: that cannot be said of the case as it stands", ""),
    "changed": (
        "Nothing was decided: it changed since that mail was written",
        "Please answer the newest mail about this case: it shows what would run now.",
    ),
    "expired": (
        "Nothing was decided: it has expired",
        "It was not run, and will not be. The agent may ask again.",
    ),
    "not_reviewer": (
        "Nothing was decided: you are not one of its reviewers",
        "The rules name other people for this. If that is wrong, tell an admin.",
    ),
    "own_request": (
        "Nothing was decided: nobody approves their own request",
        "It was asked for in your name, or by an agent that you own. Others have to decide.",
    ),
    "door": (
        "Nothing was decided: the rule takes no decision by mail",
        "Decide where the rule allows it, for example at the command line.",
    ),
    "automatic": (
        "Nothing was decided: your reply looks like an automatic one",
        "A machine's answer never decides, and yours has a mark of one, named below. If you wrote "
        "it yourself, decide on the page or at the command line, or answer in a new mail.",
    ),
    "not_believed": (
        "Nothing was decided: it is not certain that you wrote that reply",
        "A reply that bears your secret token came, but it lacks what follows. If it was yours, "
        "reply again from the address this mail was sent to. If it was not, tell an admin.",
    ),
    "bad_edit": (
        "Nothing was decided: this change cannot be made",
        "The change was read, and does not fit what would run. Mend what follows, and send it "
        "again.",
    ),
    "unchanged": (
        "Nothing was decided: your change leaves everything as it is",
        "What you wrote is what would run already.",
    ),
    "forbidden": (
        "Nothing was decided: the rules forbid what your change would run",
        "No approval would help. Change it to something else, or leave it as it was.",
    ),
    "no_target": (
        "Nothing was decided: it cannot be handed to them",
        "A question goes only to people and groups whom its rule names.",
    ),
    "already": ("You have approved this already", "Others still have to."),
}
"""Headline and reason of each answer, by its key."""

_OTHER = ("Nothing was decided", "Your reply could not be applied to this case.")
_ASKED_AFRESH = (
    "It is asked afresh, with what changed, and earlier approvals do not count. A change is not an "
    "approval: you may give yours in answer to the new mail."
)
_STILL_YOU = (
    "Your own answer is still needed: another rule asks you, too, or it takes more people than "
    "there are without you."
)
_DETAILED = {"bad_edit", "forbidden", "no_target"}
_WITHOUT_LINES = {"closed", "expired", "not_reviewer", "own_request", "door", "already", "changed"}

STANDS: dict[str, str] = {
    "pending": "It waits for a decision.",
    "approved": "It is approved and about to run.",
    "executing": "It is running.",
    "held": "Its execution failed, and a person decides what happens now.",
    "in_doubt": "Nobody knows whether it ran, and a person decides what happens now.",
    "executed": "It has been executed.",
    "failed": "Its execution failed.",
    "rejected": "It has been rejected and does not run.",
    "expired": "It has expired and does not run.",
    "denied": "The rules forbid it; it does not run.",
    "canceled": "It has been withdrawn and does not run.",
}
REVIEWED: dict[str, str] = {
    "ok": "It ran by itself, and was found right afterwards.",
    "flagged": "It ran by itself, and was found wrong afterwards.",
    "lapsed": "It ran by itself, and nobody said afterwards whether it was right.",
}
"""The same of a review that is over."""

_HEADLINES: dict[str, str] = {
    "executed": "Done: it has been executed",
    "failed": "It was tried and failed",
    "rejected": "It is rejected and does not run",
    "expired": "It expired and does not run",
    "denied": "The rules forbid it",
    "canceled": "It was withdrawn and does not run",
}


class Note(msgspec.Struct, frozen=True):
    """A short mail's words. `lines` are (meaning, command) pairs, `texts` (name, text) pairs of
    text that is not ours, `example` what may stand below an edit (agent's words too)."""

    headline: str
    paragraphs: tuple[str, ...] = ()
    said: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    example: str = ""


def note(
    case: Case, mail: Mail, newest: ReceiptRef | None = None, zone: dt.tzinfo = dt.UTC
) -> Note:
    """The words of a mail about `answer`, `recorded` or `outcome`. Where `newest`, the newest
    receipt, is known, a confirmation names it: an outcome its own, another this one. So every
    mailbox that holds one holds the chain to it (`review.anchors`)."""
    match mail.about:
        case "recorded":
            return _holding(_recorded(case, mail.to, zone), newest)
        case "outcome":
            return _outcome(case, zone)
        case _:
            return answer(case, mail.to, mail.key, mail.said, mail.detail, zone)


def answer(
    case: Case, person: str, key: str, said: str, detail: str = "", zone: dt.tzinfo = dt.UTC
) -> Note:
    """Why a reply of this person decided nothing: `key` is one of `core.decide.CODES` or of the
    reply reader."""
    headline, why = ANSWERS.get(key, _OTHER)
    allowed = verbs(case)
    if key == "too_long":
        allowed = tuple(verb for verb in allowed if verb != "approve")
    if not routes(case, person):
        allowed = tuple(verb for verb in allowed if verb != "route")
    lines = () if key in _WITHOUT_LINES else tuple(LINES[verb] for verb in allowed if verb in LINES)
    example = edit_example(tuple(rows_of(case.payload))) if lines and "edit" in allowed else ""
    if key == "ambiguous" and "approve" in allowed:
        lines = (*lines, ("To approve with a remark", "approve: your remark"))
    stands = stand_of(case, zone) if not lines or key in ("not_now", "unavailable") else ""
    paragraphs = tuple(text for text in (why, stands) if text)
    texts = (("What is wrong with it", detail),) if detail and key in _DETAILED else ()
    return Note(headline, paragraphs, said, lines, texts, example)


def stand_of(case: Case, zone: dt.tzinfo = dt.UTC) -> str:
    """One sentence on where the case stands."""
    if (permit := case.open_permit) is not None:
        until = show_time(permit.until, zone)
        return f"It is approved; the agent {one_line(case.agent)} may act until {until}."
    if case.review is not None and not case.in_review:
        return REVIEWED[case.review.status]
    return STANDS[case.status]


def _holding(words: Note, newest: ReceiptRef | None) -> Note:
    if newest is None:
        return words
    held = f"The newest receipt is {newest.seq}, {newest.digest}"
    return msgspec.structs.replace(words, paragraphs=(*words.paragraphs, held))


def _recorded(case: Case, person: str, zone: dt.tzinfo) -> Note:
    said = next((d.verb for d in reversed(case.decisions) if d.by == person), "approve")
    if said == "edit":
        return Note("Your change is recorded", (_ASKED_AFRESH, stand_of(case, zone)))
    if said == "route":
        stands = _STILL_YOU if person in waiting_for(case) else stand_of(case, zone)
        return Note("It is handed on", ("Whoever you named has been asked.", stands))
    if said == "retry":
        return Note("It is to be tried again", (stand_of(case, zone),))
    lacking = unmet(case.quorums, case.decisions, case.revision.number)
    missing = [f"{count} more for the rule {one_line(rule, 80)}" for rule, count in lacking.items()]
    if case.status != "pending":
        return Note("Your approval is recorded", (stand_of(case, zone),))
    still = f"It still needs {' and '.join(missing)}." if missing else stand_of(case, zone)
    return Note("Your approval is recorded", (still,))


def _outcome(case: Case, zone: dt.tzinfo) -> Note:
    outcome = case.outcome or {}
    over = case.review is not None and not case.in_review
    headline = stand_of(case, zone) if over else _HEADLINES.get(case.status, stand_of(case, zone))
    decided = tuple(_decided(d.by, d.verb, d.via) for d in case.decisions)
    facts = []
    if outcome.get("exit_code") is not None:
        facts.append(f"Exit code {outcome['exit_code']}")
    if outcome.get("attempts"):
        facts.append(f"attempts: {outcome['attempts']}")
    paragraphs = [" ".join(decided), ", ".join(facts) + "." if facts else ""]
    if case.receipt is not None:
        paragraphs.append(f"Receipt {case.receipt.seq}, {case.receipt.digest}")
    if case.review is not None and (told := case.review.receipt) is not None:
        paragraphs.append(f"Its review is receipt {told.seq}, {told.digest}")
    notes = [(f"{d.by} wrote", d.note) for d in case.decisions if d.note]
    output = [
        (name, shorten(str(outcome[key]).rstrip(), _LONGEST_OUTPUT))
        for name, key in (("Error", "error"), ("Output", "stdout"), ("Error output", "stderr"))
        if outcome.get(key)
    ]
    return Note(headline, tuple(p for p in paragraphs if p), texts=(*notes, *output))


def _decided(person: str, verb: Verb, via: str) -> str:
    way = {"mail": "by mail", "link": "by a link", "cli": "at the command line"}[via]
    return f"{person} said {verb} {way}."
