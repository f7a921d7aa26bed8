"""What pages say: of every state, what happened and what to do now; of every verb, its button.

Words only. Who said what and when is in the facts, and the templates put it beside these.
"""

from __future__ import annotations

from typing import NamedTuple

from hitl_mail.core.case import Status
from hitl_mail.core.events import Verb
from hitl_mail.core.verdict import Door
from hitl_mail.pages import LookUp


class Words(NamedTuple):
    """A headline, what it means, and what to do now."""

    headline: str
    meaning: str
    mend: str = ""


class Button(NamedTuple):
    """What a verb's button says; `said` completes "ada …"; `tone` is a class of the style sheet."""

    label: str
    said: str
    tone: str = ""


BUTTONS: dict[Verb, Button] = {
    "approve": Button("Approve", "approved", "yes"),
    "reject": Button("Reject", "rejected", "no"),
    "edit": Button("Edit", "edited"),
    "route": Button("Route", "handed it on"),
    "ok": Button("OK", "found it in order", "yes"),
    "flag": Button("Flag", "flagged it", "no"),
    "retry": Button("Retry: run it again", "asked for a retry"),
    "done": Button("Done: it did run", "settled it as done"),
    "abandon": Button("Abandon: it failed", "gave it up", "no"),
}

QUESTIONS: dict[Verb, str] = {
    **dict.fromkeys(BUTTONS, "May this run?"),
    **dict.fromkeys(("ok", "flag"), "It ran by itself. Was that right?"),
    **dict.fromkeys(("retry", "done", "abandon"), "It did not end well. What now?"),
}
"""By the first verb on offer."""

_NOTHING = "There is nothing left for you to do."

OF_STATUS: dict[Status, Words] = {
    "pending": Words(
        "Your answer is recorded",
        "It does not run before others have agreed too.",
        "There is nothing for you to do now.",
    ),
    "approved": Words(
        "Approved: it may run now",
        "No answer tells yet that it ran.",
        "Look again in a moment to see what became of it.",
    ),
    "executing": Words(
        "Approved: it is running",
        "It is being carried out now.",
        "Look again in a moment to see what became of it.",
    ),
    "held": Words(
        "It failed, and waits for a person",
        "It was approved and carried out, and failed.",
        "A newer mail asks what to do about it.",
    ),
    "in_doubt": Words(
        "Nobody can tell whether it ran",
        "It was approved, and no answer tells what came of it.",
        "A newer mail asks what to do about it.",
    ),
    "executed": Words("Done", "It was carried out.", _NOTHING),
    "failed": Words("It failed", "It was started, and did not succeed.", _NOTHING),
    "rejected": Words("Rejected", "It does not run.", _NOTHING),
    "expired": Words(
        "It expired",
        "Not enough people agreed in time, so it does not run.",
        "If it is still wanted, the agent has to ask again.",
    ),
    "denied": Words("Not allowed", "The rules forbid it, so it does not run.", _NOTHING),
    "canceled": Words(
        "Withdrawn", "The agent took it back before it started, so it does not run.", _NOTHING
    ),
}

RECORDED: dict[Status, str] = {
    "pending": "It waits for a person to decide.",
    "approved": "It is approved, and no answer tells yet that it ran.",
    "executing": "It is approved, and is being carried out now.",
    "held": "It ran and failed; a person decides what to do about it.",
    "in_doubt": "It was approved, and nobody can tell whether it ran; a person decides.",
    "executed": "It was carried out.",
    "failed": "It was started, and did not succeed.",
    "rejected": "It was rejected, and did not run.",
    "expired": "It expired before enough people agreed, and did not run.",
    "denied": "The rules forbid it; it did not run.",
    "canceled": "It was withdrawn before it started.",
}
"""The same for the record: what a receipt page says of each status."""

QUEUE: dict[str, Words] = {
    "lapsed": Words(
        "This list is no longer shown by this link",
        "A link to all that waits for somebody is good for 30 days. Nothing was decided.",
        "Any newer mail has a new one. The links to single cases go on as they are.",
    ),
    "nobody": Words(
        "You are not one of the people of this site",
        "The person this link was made for is no longer in its settings, and is asked nothing.",
        "If that is wrong, ask an admin of this site.",
    ),
}

_REVIEW_OVER = Words(
    "The time to look at it is over",
    "It ran by itself, as the rules allow, and was shown to you for your opinion. Nothing more is "
    "recorded of it.",
    "If it was wrong, tell an admin of this site.",
)
_PERMITTED = Words(
    "Approved: the agent may run it now",
    "It has a permit, and has not reported yet what came of it.",
    "There is nothing for you to do now. If it never reports, a mail asks you what to do.",
)
_BAD_LINK = Words(
    "This link does not work",
    "It is not one of ours, was cut off on its way, or is too old. Nothing was decided.",
    "Open the link in the mail itself, or copy the whole of it. Replying to the mail works too.",
)
_CHANGED = Words(
    "It changed since this link was sent",
    "What you would decide here is no longer what would run. This link decides nothing any more.",
    "A newer mail about this case has the current text and a new link. Use that one.",
)
_NOT_REVIEWER = Words(
    "This is not yours to decide",
    "The rules ask other people, or you are no longer one of those they ask. "
    "This link decides nothing.",
    "If you should decide it, ask an admin of this site.",
)
_OWN_REQUEST = Words(
    "This is your own request",
    "It was asked for in your name, or by an agent that you own, and nobody approves their own "
    "request. This link decides nothing.",
    "There is nothing for you to do: others have been asked.",
)
_ELSEWHERE = Words(
    "This is not decided by link",
    "Its rule takes your decision, but by no link: who has a link may have been sent it. "
    "This link decides nothing.",
)
DOORS: dict[Door, str] = {
    "mail": "answer the mail about this case",
    "cli": "use the command line",
    "link": "open the link",
}
"""How to decide through a door, as the end of a sentence."""

MESSAGES: dict[str, Words] = {
    "about": Words(
        "Approvals",
        "An AI agent does work here, and asks a person before it does what could go wrong. "
        "The person gets a mail with a link to a page like this one.",
        "There is nothing to see without such a link.",
    ),
    "not_found": Words(
        "There is no such page",
        "This address leads nowhere.",
        "If it came from a mail, open the link there, or copy the whole of it.",
    ),
    "method": Words(
        "That cannot be done here",
        "This address does not take this kind of request. Nothing was decided.",
        "Open the link from the mail in a browser.",
    ),
    "foreign": Words(
        "Refused: this came from another site",
        "Another site's page tried to decide here through your browser. Nothing was decided.",
        "Open the link from the mail, and decide on the page it shows.",
    ),
    "not_understood": Words(
        "Not understood",
        "The form arrived incomplete or damaged. Nothing was decided.",
        "Go back, reload the page, and try again.",
    ),
    "too_large": Words(
        "Too long",
        "A note holds at most 2,000 characters, and an edit about as much as an action may. "
        "Nothing was decided.",
        "Go back, shorten it, and try again.",
    ),
    "too_many": Words(
        "Too many requests",
        "Too many came from your address in a short time. Nothing was decided.",
        "Wait a few seconds, then open the link again.",
    ),
    "unwell": Words(
        "Not now",
        "hitl-mail cannot keep anything at the moment, and has stopped to be mended.",
        "If you were deciding, open the link again later: your answer may not have been recorded.",
    ),
    "broken": Words(
        "Something broke here",
        "It is our fault, and has been logged.",
        "If you were deciding, open the link again: it shows whether your answer was recorded.",
    ),
}


def of(found: LookUp) -> Words:
    """What to say of a decision link that offers nothing to decide."""
    match found.state:
        case "bad_link":
            return _BAD_LINK
        case "changed":
            return _CHANGED
        case "not_reviewer":
            return _NOT_REVIEWER
        case "own_request":
            return _OWN_REQUEST
        case "elsewhere":
            return _ELSEWHERE
        case "expired":
            ran = found.facts is not None and found.facts.status == "executed"
            return _REVIEW_OVER if ran else OF_STATUS["expired"]
        case _ if found.facts is None:
            return _CHANGED
        case _:
            return _PERMITTED if found.facts.permitted else OF_STATUS[found.facts.status]
