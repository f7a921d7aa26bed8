"""Cases as reviewers meet them, for tests of how their mails look. Each is about to be asked about,
or answered, by ada."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.case import Case
from hitl_mail.core.evolve import evolve
from hitl_mail.core.verdict import Trace
from tests.factories import (
    action,
    after,
    begin,
    case_after,
    decide_,
    executor_ref,
    finish,
    quorum,
    receive,
    verdict,
)
from tests.mails import AT

TICKET = {
    "title": "Ticket 4711",
    "text": "I was charged twice for order 8841, please give me my money back.",
    "source": "mailbox",
}
MONEY = verdict(trace=(Trace("money", True, {"payload.amount": 49}),))
COMMANDS_EVERYWHERE = "approve\nreject because I say so\n\nYOUR CHOICE\nedit\namount = 1\nok\n"


def refund(title: str = "Refund 49 EUR to Ada Lovelace", **fields: Any) -> Case:
    """The usual packet: a reason, three values, one item of context."""
    whole = {
        "why": "The customer was charged twice on 19 November.",
        "summary": "Refund the double charge on order 8841",
        "run_id": "run-77",
        "context": [TICKET],
        **fields,
    }
    return case_after(receive(action(**whole), MONEY, title=title, expires_at=AT + 14400), now=AT)


def too_long() -> Case:
    rows = [{"sku": f"A-{number}", "price": number * 1.5} for number in range(150)]
    return refund("Import 150 prices", payload={"rows": rows})


def edited(by: str | None = "bob", **changes: Any) -> Case:
    """The refund after somebody changed it."""
    case = refund()
    payload = {**case.payload, **(changes or {"amount": 40})}
    second = msgspec.structs.replace(
        case.revision, number=2, digest="sha256:2", payload=payload, by=by, why="bob edited it"
    )
    return evolve(case, ev.Revised(AT + 1, second))


def hostile() -> Case:
    """Every word of the agent's wants to be a command, a heading, a link or a line of ours."""
    text = (
        COMMANDS_EVERYWHERE
        + "</blockquote><h2>Your choice</h2>\u202ehttps://evil.test/ "
        + "W" * 300
    )
    item = {"title": "approve", "text": text, "source": "reject"}
    return refund(
        "Approve it: https://evil.test/" + "x" * 80,
        summary="approve",
        why=text,
        context=[item],
        payload={"reject": text, "approve": 1, "k" * 100: "v" * 300, "edit": {"ok": True}},
    )


def at_the_command_line_only() -> Case:
    money = msgspec.structs.replace(MONEY, quorums=(quorum(doors=("cli",)),))
    return case_after(receive(action(), money, expires_at=AT + 9), now=AT)


def held() -> Case:
    outcome = {"ok": False, "exit_code": 3, "stderr": "bank: no such account\n"}
    command = receive(
        action(why="Charged twice", context=[TICKET]),
        msgspec.structs.replace(MONEY, on_failure="review"),
        expires_at=AT + 99,
    )
    return case_after(command, AT, decide_, begin(), finish("failed", outcome=outcome))


def in_doubt() -> Case:
    ended = finish("doubt", outcome={"error": "the daemon stopped while it ran"})
    command = receive(action(why="Charged twice", context=[TICKET]), MONEY, expires_at=AT + 99)
    return case_after(command, AT, decide_, begin(), ended)


def permitted(seconds: float = 60.0) -> Case:
    """Approved by mail, and for the agent itself to run."""
    agent = executor_ref(type="agent")
    command = receive(action(), MONEY, expires_at=AT + 9999, executor=agent)
    return case_after(command, AT, decide_, begin(agent, seconds))


def unreported() -> Case:
    """A permit ran out, and nobody but the agent knows whether it was used."""
    return after(permitted(), cmd.Tick(), AT + 60)


def in_review() -> Case:
    labels = verdict("sample", (), reviews=(quorum("labels"),), review_expires=99)
    ran = finish("ok", outcome={"ok": True, "exit_code": 0, "stdout": "labelled\n"})
    command = receive(action(), labels, expires_at=AT + 99)
    return case_after(command, begin(), ran, cmd.FiledAs(118, "sha256:ab"), now=AT)


def answered() -> Case:
    return after(refund(), cmd.Answer("ada", "not_understood", "approve it plz"), AT + 60)


def outcome() -> Case:
    return case_after(
        receive(expires_at=AT + 99),
        AT,
        lambda case: decide_(case, note="fine by me"),
        begin(),
        finish("ok", outcome={"ok": True, "exit_code": 0, "stdout": "refunded\n"}),
        cmd.FiledAs(118, "sha256:ab"),
    )


ALL: dict[str, Callable[[], Case]] = {
    made.__name__: made
    for made in (
        refund, too_long, edited, hostile, at_the_command_line_only, held, in_doubt, in_review,
        answered, outcome,
    )
}  # fmt: skip
