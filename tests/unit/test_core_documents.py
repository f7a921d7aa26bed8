"""What programs outside read of a case: every key of design 1.2, 1.6 and 1.7, to the letter."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_mail.core import commands as cmd
from hitl_mail.core.case import Case
from hitl_mail.core.documents import (
    about_review,
    case_document,
    edited,
    erasure_body,
    iso,
    mail_error,
    queue_row,
    receipt_body,
    result,
    result_from_receipt,
    review_body,
    review_document,
)
from hitl_mail.errors import Impossible
from tests.factories import (
    POLICY,
    action,
    after,
    begin,
    by,
    case_after,
    change,
    decide_,
    executor_ref,
    finish,
    quorum,
    receive,
    sampled,
    target,
    verdict,
)

ONE, TWO, THREE = (f"1970-01-01T00:00:0{second}.000Z" for second in (1, 2, 3))
AFTER_100 = "1970-01-01T00:01:40.000Z"
TO_CLEO = verdict(quorums=(quorum(route_to=("cleo",)),))
VERDICT = {
    "gate": "hard",
    "asks": True,
    "sampled": None,
    "rules": ["money"],
    "reasons": ["Moves funds"],
    "quorums": [{"rule": "money", "reviewers": ["ada", "bob"], "approvals": 1}],
    "expires": 100,
    "policy": POLICY,
    "conflict": False,
    "trace": [],
}
PAYLOAD = {"amount": 49, "currency": "EUR", "customer": "Ada"}


def settled() -> Case:
    """Edited by ada, handed to cleo by bob, approved by cleo, executed at 3 seconds."""
    document = action(id="refund-8841", run_id="run-7")
    return case_after(
        receive(document, TO_CLEO),
        *(2, lambda c: decide_(c, "ada", "edit", "link", change=change(40, TO_CLEO), note="less")),
        lambda c: decide_(c, "bob", "route", "cli", target=target("cleo")),
        *(3, lambda c: decide_(c, "cleo", evidence={"message_id": "<1@x>"})),
        *(begin(), finish()),
        now=1.0,
    )


def reviewed(said: str = "flag") -> Case:
    """Ran alone; ada looked at it at 3 seconds; both receipts are due."""
    ran = case_after(receive(verdict_=sampled()), begin(), 2, finish(), now=1.0)
    filed = after(ran, cmd.FiledAs(7, "sha256:r"), 2.0)
    return after(filed, decide_(filed, "ada", said, evidence={"user": "ada"}), 3.0)


def said(by_: str, verb: str, via: str, at: str, note: str = "") -> dict[str, Any]:
    return {"by": by_, "verb": verb, "via": via, "at": at, "note": note}


def test_a_result_has_every_key_of_the_contract() -> None:
    case = after(settled(), cmd.FiledAs(7, "sha256:r"), 4.0)
    assert result(case) == {
        "id": "refund-8841",
        "case": "261122-k3f9ma",
        "status": "executed",
        "payload": {**PAYLOAD, "amount": 40},
        "edited": True,
        "verdict": VERDICT,
        "decisions": [
            said("ada", "edit", "link", TWO, "less"),
            said("bob", "route", "cli", TWO),
            said("cleo", "approve", "mail", THREE),
        ],
        "outcome": {"ok": True, "attempts": 1},
        "receipt": {"seq": 7, "digest": "sha256:r"},
    }


def test_a_result_without_a_receipt_says_so() -> None:
    assert (result(case_after())["receipt"], result(case_after())["edited"]) == (None, False)


def test_the_result_of_a_permit_holds_its_token_until_the_agent_has_reported() -> None:
    agent = executor_ref(type="agent")
    case = case_after(receive(executor=agent), by("ada"), begin(agent))
    assert case.permit is not None
    assert result(case, "token")["permit"] == {
        "digest": case.permit.digest,
        "token": "token",
        "until": "1970-01-01T00:00:20.000Z",
    }
    assert "permit" not in result(after(case, cmd.Tell({"ok": True}), 1.0), "token")


def test_a_receipt_has_every_key_of_the_contract() -> None:
    case = settled()
    first, second = case.revisions
    executor = {"name": "refund", "type": "command", "digest": "sha256:a"}
    body = receipt_body(case)
    assert body.pop("events")[0] == {"at": ONE, "event": "received"}
    assert [packet["to"] for packet in body.pop("packets")] == ["ada", "bob", "ada", "bob", "cleo"]
    assert body == {
        "case": "261122-k3f9ma",
        "id": "refund-8841",
        "agent": "billing",
        "run_id": "run-7",
        "kind": "payment.refund",
        "title": "Refund 40 EUR to Ada",
        "status": "executed",
        "gate": "hard",
        "decided_by": ["ada", "bob", "cleo"],
        "action_digest": case.action_digest,
        "received_at": ONE,
        "expires_at": AFTER_100,
        "closed_at": THREE,
        "action": action(id="refund-8841", run_id="run-7"),
        "revisions": [
            {
                "number": 1,
                "digest": first.digest,
                "salt": "salt",
                "payload": PAYLOAD,
                "executor": executor,
                "at": ONE,
                "by": None,
                "why": None,
            },
            {
                "number": 2,
                "digest": second.digest,
                "salt": second.salt,
                "payload": {**PAYLOAD, "amount": 40},
                "executor": executor,
                "at": TWO,
                "by": "ada",
                "why": "ada edited it",
            },
        ],
        "verdict": VERDICT,
        "decisions": [
            {
                **said("ada", "edit", "link", TWO, "less"),
                "revision": 1,
                "seen": first.digest,
                "counts": ["money"],
                "evidence": {},
            },
            {
                **said("bob", "route", "cli", TWO),
                "to": "cleo",
                "revision": 2,
                "seen": second.digest,
                "counts": ["money"],
                "evidence": {},
            },
            {
                **said("cleo", "approve", "mail", THREE),
                "revision": 2,
                "seen": second.digest,
                "counts": ["money"],
                "evidence": {"message_id": "<1@x>"},
            },
        ],
        "outcome": {"ok": True, "attempts": 1},
    }


def test_who_decided_twice_is_named_once() -> None:
    case = case_after(
        lambda c: decide_(c, "ada", "edit", change=change(40)), by("ada"), begin(), finish()
    )
    assert receipt_body(case)["decided_by"] == ["ada"]


def test_a_packet_tells_what_became_of_its_mail() -> None:
    case = case_after()
    case = after(case, cmd.MailWas("m1", "sent", digest="sha256:m"), 2.0)
    case = after(case, cmd.MailWas("m2", "deferred", error="451", next_at=60.0), 2.0)
    sent = {"to": "ada", "revision": 1, "about": "ask"}
    assert case_document(case)["packets"] == [
        {**sent, "status": "sent", "at": TWO, "digest": "sha256:m", "error": None},
        {**sent, "to": "bob", "status": "queued", "at": None, "digest": None, "error": "451"},
    ]
    failed = after(case, cmd.MailWas("m2", "failed", error="550"), 3.0)
    assert [mail_error(failed, mail) for mail in failed.mails] == [None, "550"]


def test_packets_are_what_asked_and_no_answer() -> None:
    doubt = case_after(by("ada"), begin(), finish("doubt"), cmd.Answer("ada", "help", "?"))
    assert [p["about"] for p in case_document(doubt)["packets"]] == ["ask", "ask", "doubt", "doubt"]


def test_a_case_without_a_run_has_no_run_id() -> None:
    assert case_document(case_after())["run_id"] is None


def test_an_open_case_has_no_receipt_and_says_what_it_is() -> None:
    with pytest.raises(Impossible, match=r"^no receipt of a case that is pending$"):
        receipt_body(case_after())


def test_the_receipt_of_a_review_names_the_one_it_is_about() -> None:
    case = reviewed()
    flag = {
        **said("ada", "flag", "mail", THREE),
        "revision": 1,
        "seen": case.revision.digest,
        "counts": ["labels"],
        "evidence": {"user": "ada"},
    }
    packet = {"revision": 1, "about": "review", "status": "queued", "at": None, "digest": None}
    assert review_body(case) == {
        "case": "261122-k3f9ma",
        "id": "refund-8841",
        "agent": "billing",
        "run_id": None,
        "kind": "payment.refund",
        "title": "Refund 49 EUR to Ada",
        "gate": "sample",
        "action_digest": case.action_digest,
        "received_at": ONE,
        "expires_at": "1970-01-01T00:01:42.000Z",
        "verdict": case.verdict.document(),
        "status": "flagged",
        "decided_by": ["ada"],
        "reviews": {"seq": 7, "digest": "sha256:r"},
        "closed_at": THREE,
        "action": {},
        "revisions": [],
        "packets": [{**packet, "to": to, "error": None} for to in ("ada", "bob")],
        "decisions": [flag],
        "outcome": None,
        "events": [
            {
                "at": THREE,
                "event": "decided",
                "by": "ada",
                "verb": "flag",
                "via": "mail",
                "revision": 1,
            },
            {"at": THREE, "event": "reviewed", "said": "flagged"},
        ],
    }


@pytest.mark.parametrize("word", ["ok", "flag"])
def test_the_receipt_of_the_case_knows_nothing_of_its_review(word: str) -> None:
    body = receipt_body(reviewed(word))
    assert (body["decisions"], body["decided_by"], body["packets"]) == ([], [], [])
    assert [event["event"] for event in body["events"]] == [
        "received",
        "approved",
        "started",
        "succeeded",
    ]
    assert len(review_body(reviewed(word))["decisions"]) == 1


def test_there_is_no_receipt_of_a_review_before_the_case_has_its_own() -> None:
    ran = case_after(receive(verdict_=sampled()), begin(), finish())
    for case in (ran, after(settled(), cmd.FiledAs(7, "sha256:r"), 4.0)):
        with pytest.raises(Impossible) as found:
            review_body(case)
        assert str(found.value) == "no receipt of a review without the receipt of its case"


def test_a_review_is_told_while_it_is_open_and_when_it_is_filed() -> None:
    case = reviewed("ok")
    told = review_document(case)
    assert told is not None
    assert [one["verb"] for one in told.pop("decisions")] == ["ok"]
    assert told == {"status": "ok", "expires_at": "1970-01-01T00:01:42.000Z", "receipt": None}
    filed = review_document(after(case, cmd.FiledAs(8, "sha256:s", "review"), 4.0))
    assert filed is not None
    assert filed["receipt"] == {"seq": 8, "digest": "sha256:s"}
    assert review_document(case_after()) is None


def test_a_review_is_about_its_case() -> None:
    assert about_review("261122-k3f9ma") == "261122-k3f9ma/review"


def receipt(**fields: Any) -> dict[str, Any]:
    """A receipt as the book holds it."""
    body = receipt_body(settled())
    return {**body, "seq": 7, "digest": "sha256:r", **fields}


def test_the_result_of_a_closed_case_is_the_one_it_had() -> None:
    case = after(settled(), cmd.FiledAs(7, "sha256:r"), 4.0)
    assert result_from_receipt(receipt()) == result(case)
    assert list(result_from_receipt(receipt())) == list(result(case))


def test_the_result_of_an_erased_case_has_no_payload() -> None:
    erased = result_from_receipt(receipt(revisions="sha256:erased"))
    assert (erased["payload"], erased["edited"]) == (None, False)


def test_the_result_of_a_case_nobody_edited_says_so() -> None:
    case = case_after(by("ada"), begin(), finish())
    plain = {**receipt_body(case), "seq": 1, "digest": "sha256:r"}
    assert result_from_receipt(plain)["edited"] is False


def test_the_receipt_of_an_erasure_names_what_it_erased_and_who_wanted_it() -> None:
    wanted = {"by": "cleo", "verb": "erase", "via": "cli"}
    review = {"seq": 9, "digest": "sha256:s"}
    body = erasure_body([receipt(), review], 3.0, wanted)
    assert body == {
        "case": "261122-k3f9ma",
        "id": "refund-8841",
        "agent": "billing",
        "run_id": "run-7",
        "kind": "payment.refund",
        "gate": "hard",
        "action_digest": settled().action_digest,
        "verdict": body["verdict"],
        "title": "Contents erased",
        "status": "erased",
        "decided_by": ["cleo"],
        "erases": [{"seq": 7, "digest": "sha256:r"}, {"seq": 9, "digest": "sha256:s"}],
        "closed_at": THREE,
        "action": {},
        "revisions": [],
        "packets": [],
        "decisions": [{**wanted, "seen": "sha256:r"}],
        "outcome": None,
        "events": [{"at": THREE, "event": "erased", "by": "cleo"}],
    }


def test_an_erasure_that_time_brought_about_names_nobody() -> None:
    body = erasure_body([receipt()], 3.0, None)
    told = (body["decided_by"], body["decisions"], body["events"])
    assert told == ([], [], [{"at": THREE, "event": "erased"}])


def test_a_row_of_the_queue_has_the_keys_of_the_contract() -> None:
    assert queue_row(case_after(now=1.0)) == {
        "case": "261122-k3f9ma",
        "id": "refund-8841",
        "agent": "billing",
        "kind": "payment.refund",
        "title": "Refund 49 EUR to Ada",
        "status": "pending",
        "waiting_for": ["ada", "bob"],
        "expires_at": AFTER_100,
        "created_at": ONE,
    }


def test_a_row_says_whom_the_question_does_not_reach() -> None:
    case = case_after(cmd.Absent("ada", "on holiday"), cmd.Absent("cleo", "on holiday"))
    assert queue_row(case)["unreached"] == {"ada": "away"}


def test_a_row_of_what_is_reviewed_expires_with_its_review() -> None:
    ran = case_after(receive(verdict_=sampled()), begin(), 2, finish(), now=1.0)
    assert queue_row(ran)["expires_at"] == "1970-01-01T00:01:42.000Z"


def test_a_case_with_a_permit_waits_for_its_agent() -> None:
    agent = executor_ref(type="agent")
    approved = case_after(receive(executor=agent), by("ada"))
    assert queue_row(approved)["waiting_for"] == []
    permitted = queue_row(after(approved, begin(agent)))
    assert permitted["waiting_for"] == ["billing"]
    assert permitted["permit_until"] == "1970-01-01T00:00:20.000Z"


def test_times_are_utc_to_the_millisecond() -> None:
    assert iso(1763816400.1239) == "2025-11-22T13:00:00.123Z"


def test_only_a_person_s_change_makes_it_edited() -> None:
    moved = executor_ref(digest="sha256:b")
    assert edited(case_after(by("ada"), begin(moved))) is False
