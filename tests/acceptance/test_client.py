"""The client that agents import, against a real daemon: plain, asyncio, and gated functions."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_mail.client import (
    AsyncClient,
    Canceled,
    Client,
    Denied,
    Expired,
    Failed,
    HitlError,
    InDoubt,
    Refused,
    Rejected,
    StillOpen,
    UsageError,
    gated,
)
from tests.acceptance.home import RULES, TestHome, refund, until
from tests.servers.process import free_port

KINDS = """
[kinds."pay.self"]
title = "Pay {payload.amount}"
effects = ["money"]
"""
PATIENCE = 20.0
"""Seconds after which a test gives up waiting."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHome]:
    made = TestHome(tmp_path_factory.mktemp("client") / "home", free_port(), rules=RULES + KINDS)
    made.start()
    yield made
    made.stop()


class Side:
    """A client of either sort, called alike."""

    def __init__(self, home: TestHome, sort: type[Client | AsyncClient], **where: Any) -> None:
        self._client = sort(**(where or {"home": home.root}))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            found = getattr(self._client, name)(*args, **options)
            return asyncio.run(_whole(found)) if inspect.isawaitable(found) else found

        return call


async def _whole(found: Any) -> Any:
    return await found


@pytest.fixture(params=[Client, AsyncClient])
def side(home: TestHome, request: pytest.FixtureRequest) -> Side:
    return Side(home, request.param)


def pay(side: Side, amount: int = 49, **fields: Any) -> Any:
    """An action that ada or bob decides, and the agent carries out."""
    return side.submit("pay.self", {"amount": amount}, "Pay the invoice", **fields)


def label(side: Side, kind: str = "crm.label") -> Any:
    return side.submit(kind, {"x": 1}, "Label a contact")


def say(home: TestHome, action: Any, text: str) -> None:
    """ada answers the newest mail about an action, once there is one."""
    case = home.case_of(action if isinstance(action, str) else action.id)
    mail = home.await_mail("ada@example.com", f"[hitl {case}]")
    home.reply(mail, text, "ada@example.com")


def ended(side: Side, action: Any, how: type[Exception]) -> Any:
    with pytest.raises(how) as found:
        side.wait(action, PATIENCE)
    return found.value


def test_what_runs_alone_is_waited_for(side: Side) -> None:
    action = label(side)
    result = side.wait(action, PATIENCE)
    assert (result.id, result.status, result.payload) == (action.id, "executed", {"x": 1})
    assert result.outcome["stdout"] == "did it\n"
    assert side.wait(action.id, PATIENCE) == result


def test_a_rejection_says_by_whom_and_why(home: TestHome, side: Side) -> None:
    action = pay(side)
    say(home, action, "reject because it was paid in May")
    error = ended(side, action, Rejected)
    assert (error.by, error.reason) == ("ada", "it was paid in May")
    assert "ada rejected it: it was paid in May" in str(error)
    assert error.result.decisions[0].via == "mail"


def test_a_denial_says_which_rule(side: Side) -> None:
    error = ended(side, side.submit("root.grant", {}, "Make me root"), Denied)
    assert error.reasons == ("Agents never change permissions",)


def test_a_failure_says_what_came_of_it(side: Side) -> None:
    error = ended(side, label(side, "crm.broken"), Failed)
    assert (error.outcome["exit_code"], error.outcome["stdout"]) == (3, "did it\n")
    assert "exit status 3" in str(error)


def test_nobody_answering_is_an_expiry(side: Side) -> None:
    assert "nobody decided in time" in str(ended(side, pay(side, expires="1s"), Expired))


def test_what_is_withdrawn_is_canceled(side: Side) -> None:
    action = pay(side)
    side.cancel(action)
    assert ended(side, action, Canceled).result.id == action.id
    with pytest.raises(Refused) as found:
        side.cancel("never-heard-of")
    assert found.value.code == "unknown"


def test_what_is_refused_says_the_field(side: Side) -> None:
    action = pay(side, confidnce=0.9)
    error = ended(side, action, Refused)
    assert (error.code, "confidnce" in str(error)) == ("unknown_field", True)


def test_what_is_refused_for_its_value_names_the_field(side: Side) -> None:
    error = ended(side, pay(side, confidence=7), Refused)
    assert "was refused: confidence: a number from 0 to 1" in str(error)


def test_an_id_whose_file_is_refused_meanwhile_says_so(home: TestHome) -> None:
    home.drop({"kind": "crm.label", "id": "unfit"}, "named-otherwise.json")
    reason = home.root / "spool/refused/named-otherwise.json.error.json"
    until(reason.exists, "the refusal")
    files, at = Client(home=home.root).files, reason.stat().st_mtime
    with pytest.raises(Refused, match="unfit was refused") as found:
        files.answer("unfit", since=at)
    assert found.value.field == "payload"
    # Since then it may have been handed in again.
    assert files.answer("unfit", since=at + 1) is None


def test_an_id_in_use_is_not_refused_because_another_action_is(home: TestHome) -> None:
    client = Client(home=home.root)
    action = client.submit("pay.self", {"amount": 49}, "Pay the invoice")
    home.case_of(action.id)
    home.drop(refund(id=action.id), "another.json")
    until((home.root / "spool/refused/another.json.error.json").exists, "the refusal")
    assert client.files.answer(action.id, since=0.0) is None
    client.cancel(action)


def test_a_file_that_no_daemon_takes_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    down = TestHome(tmp_path / "down", free_port(), rules=RULES + KINDS)
    down.once()
    for sort in (Client, AsyncClient):
        side = Side(down, sort)
        action = pay(side)
        os.utime(down.root / "spool/new" / action.file, (1.0, 1.0))
        for _ in range(2):
            with pytest.raises(StillOpen):
                side.wait(action, 0.05)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 2
    assert "start it: hitl-mail run" in told[0]


def test_an_action_without_a_result_is_still_open(side: Side) -> None:
    action = pay(side)
    with pytest.raises(StillOpen):
        side.wait(action, 0.3)
    with pytest.raises(TimeoutError):
        side.wait("not-handed-in-yet", 0.1)
    side.cancel(action)


def test_the_same_id_and_content_is_the_same_case(home: TestHome, side: Side) -> None:
    id = f"same-{free_port()}"
    cases = set()
    for _ in range(2):
        action = side.submit("crm.label", {"id": id}, "Label a contact", id=id)
        cases.add(side.wait(action, PATIENCE).case)
    assert len(cases) == 1
    assert [ran["payload"] for ran in home.ran()].count({"id": id}) == 1


def test_a_permit_is_used_and_reported(home: TestHome, side: Side) -> None:
    action = pay(side, 5)
    say(home, action, "approve")
    result = side.wait(action, PATIENCE)
    assert (result.status, result.payload, result.receipt) == ("approved", {"amount": 5}, None)
    side.report(result, transfer="T-1")
    closed = until(lambda: _closed(side, action), "the report to be taken")
    assert closed.outcome["transfer"] == "T-1"
    with pytest.raises(UsageError, match="no permit"):
        side.report(closed)


def _closed(side: Side, action: Any) -> Any:
    result = side.wait(action, PATIENCE)
    return result if result.status == "executed" else None


def test_a_daemon_that_is_down_counts_later(home: TestHome, tmp_path: Path) -> None:
    down = TestHome(tmp_path / "down", free_port(), rules=RULES + KINDS)
    down.once()
    for sort in (Client, AsyncClient):
        side = Side(down, sort)
        action = pay(side)
        with pytest.raises(StillOpen, match="no daemon read the cancel"):
            side.cancel(action, timeout=0.2)
        down.once()
        ended(side, action, Canceled)


@pytest.mark.parametrize("sort", [Client, AsyncClient])
def test_where_the_spool_is(
    home: TestHome, sort: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HITL_MAIL_HOME", str(home.root))
    assert sort().files.root == home.root / "spool"
    assert sort(agent="billing").files.root == home.root / "spool/billing"
    monkeypatch.setenv("HITL_MAIL_SPOOL", str(home.root / "spool/billing"))
    assert sort().files.root == home.root / "spool/billing"
    assert sort(home=home.root).files.root == home.root / "spool"
    for wrong, what in (
        ({"home": tmp_path}, "cannot be read"),
        ({"spool": tmp_path}, "is no spool"),
        ({"home": home.root, "agent": "bilin"}, "there are billing, default"),
    ):
        with pytest.raises(UsageError, match=what):
            sort(**wrong)
    monkeypatch.delenv("HITL_MAIL_SPOOL")
    monkeypatch.delenv("HITL_MAIL_HOME")
    with pytest.raises(UsageError, match="HITL_MAIL_SPOOL"):
        sort()


@pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": object()}, {"x": {1, 2}}])
def test_what_is_no_json_is_not_handed_in(side: Side, payload: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no JSON"):
        side.submit("crm.label", payload, "Label a contact")


# Gated functions


class Ledger:
    """What a gated function did."""

    def __init__(self, home: TestHome) -> None:
        self.home = home
        self.paid: list[Any] = []

    def function(self, asynchronous: bool, **options: Any) -> Callable[..., Any]:
        """A function that pays, gated; called alike whether it is async or not."""
        sort = AsyncClient if asynchronous else Client
        gate = gated(
            "pay.self",
            client=lambda: sort(home=self.home.root),
            timeout=PATIENCE,
            summary="Pay {amount} {currency}",
            **options,
        )

        def pay(amount: int, currency: str = "EUR") -> str:
            if amount > 1000:
                raise ValueError("the bank said no")
            self.paid.append((amount, currency))
            return f"T-{amount}"

        async def pay_async(amount: int, currency: str = "EUR") -> str:
            return pay(amount, currency)

        if asynchronous:
            wrapped = gate(pay_async)
            return lambda *args, **named: asyncio.run(_whole(wrapped(*args, **named)))
        return gate(pay)


@pytest.fixture
def ledger(home: TestHome) -> Ledger:
    return Ledger(home)


def answered(home: TestHome, id: str, *texts: str) -> threading.Thread:
    """ada answers what is asked under an id, in a thread of her own; each in a mail of its own."""

    def answer() -> None:
        case = home.case_of(id)
        for number, text in enumerate(texts, 1):
            mail = home.await_mail("ada@example.com", f"[hitl {case}]", number)
            home.reply(mail, text, "ada@example.com")

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


both = pytest.mark.parametrize("asynchronous", [False, True])


@both
def test_a_gated_function_runs_with_what_was_approved(ledger: Ledger, asynchronous: bool) -> None:
    id = f"gated-{asynchronous}"
    pay = ledger.function(asynchronous, id=lambda **_: id)
    thread = answered(ledger.home, id, "edit\namount = 40", "approve")
    assert pay(49) == "T-40"
    thread.join()
    assert ledger.paid == [(40, "EUR")]
    receipt = until(lambda: _receipt(ledger.home, id), "the receipt")
    assert receipt["outcome"]["returned"] == "T-40"
    assert receipt["action"]["summary"] == "Pay 49 EUR"
    # Called again, as by a program that was restarted: the same answer, and no second run.
    assert (pay(49), ledger.paid) == ("T-40", [(40, "EUR")])


def _receipt(home: TestHome, id: str) -> Any:
    rows = [row for row in home.json("receipts", "list") if row["id"] == id]
    return home.json("receipts", "show", rows[0]["case"]) if rows else None


@both
def test_what_a_gated_function_raises_is_raised_and_reported(
    ledger: Ledger, asynchronous: bool
) -> None:
    id = f"raises-{asynchronous}"
    pay = ledger.function(asynchronous, id=lambda **_: id)
    thread = answered(ledger.home, id, "approve")
    with pytest.raises(ValueError, match="the bank said no"):
        pay(5000)
    thread.join()
    receipt = until(lambda: _receipt(ledger.home, id), "the receipt")
    assert receipt["status"] == "failed"
    assert receipt["outcome"]["error"] == "ValueError: the bank said no"
    with pytest.raises(Failed, match="the bank said no"):
        pay(5000)


@both
def test_a_gated_function_that_is_refused_does_not_run(ledger: Ledger, asynchronous: bool) -> None:
    id = f"no-{asynchronous}"
    pay = ledger.function(asynchronous, id=lambda **_: id)
    thread = answered(ledger.home, id, "reject because of it")
    with pytest.raises(Rejected):
        pay(49)
    thread.join()
    assert ledger.paid == []


@both
def test_what_was_approved_has_to_fit_the_function(ledger: Ledger, asynchronous: bool) -> None:
    id = f"misfit-{asynchronous}"
    pay = ledger.function(asynchronous, id=lambda **_: id)
    thread = answered(ledger.home, id, 'edit\n```\n{"amount": 1, "tip": 2}\n```', "approve")
    with pytest.raises(UsageError, match="does not fit"):
        pay(49)
    thread.join()
    assert ledger.paid == []
    assert until(lambda: _receipt(ledger.home, id), "the receipt")["status"] == "failed"


DIES = """
import os, sys
from hitl_mail.client import Client, gated

@gated("pay.self", id=lambda amount: "dies", client=lambda: Client(home=sys.argv[1]), timeout=20)
def pay(amount):
    "Pay the invoice"
    with open(sys.argv[2], "a") as paid:
        paid.write(f"{amount}\\n")
    os._exit(9)

pay(49)
"""


def test_an_agent_that_dies_while_it_acts_does_not_act_again(
    home: TestHome, tmp_path: Path
) -> None:
    program, paid = tmp_path / "agent.py", tmp_path / "paid"
    program.write_text(DIES)
    words = [sys.executable, str(program), str(home.root), str(paid)]
    thread = answered(home, "dies", "approve")
    assert subprocess.run(words, check=False, timeout=60).returncode == 9
    thread.join()
    again = subprocess.run(words, check=False, timeout=60, capture_output=True, text=True)
    assert (again.returncode, "InDoubt" in again.stderr) == (1, True)
    assert "another process may be running it now" in again.stderr
    until_ = str(home.json("show", "dies")["permit_until"]).partition(".")[0].replace("T", " ")
    assert f"where no report comes by {until_} UTC, people are asked" in again.stderr
    assert "permit ends" in home.cli("show", "dies").stdout
    assert paid.read_text() == "49\n"


@both
def test_a_value_that_no_receipt_can_hold_is_returned_once(
    home: TestHome, asynchronous: bool
) -> None:
    id = f"socket-{asynchronous}"
    sort = AsyncClient if asynchronous else Client
    gate = gated("self.run", id=lambda **_: id, client=lambda: sort(home=home.root), timeout=20)

    async def make_async() -> Any:
        """Make a thing."""
        return {1, 2}

    def make() -> Any:
        """Make a thing."""
        return {1, 2}

    call = (lambda: asyncio.run(_whole(gate(make_async)()))) if asynchronous else gate(make)
    assert call() == {1, 2}
    until(lambda: _receipt(home, id), "the receipt")
    with pytest.raises(HitlError, match="it was not run again"):
        call()


@pytest.mark.parametrize("value", [2**60, "\ud800", [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]])
def test_a_value_that_the_daemon_would_refuse_leaves_nothing_in_doubt(
    home: TestHome, value: Any
) -> None:
    id = f"odd-{len(repr(value))}"

    @gated("self.run", id=lambda: id, client=lambda: Client(home=home.root), timeout=20)
    def make() -> Any:
        """Make a thing."""
        return value

    assert make() == value
    assert until(lambda: _receipt(home, id), "the receipt")["status"] == "executed"


def test_an_error_that_is_no_text_is_raised_and_reported_all_the_same(home: TestHome) -> None:
    @gated("self.run", id=lambda: "surrogate", client=lambda: Client(home=home.root), timeout=20)
    def fails() -> None:
        """Fail."""
        raise LookupError("\udcff is not there")

    with pytest.raises(LookupError):
        fails()
    receipt = until(lambda: _receipt(home, "surrogate"), "the receipt")
    assert receipt["outcome"]["error"] == "LookupError: ? is not there"


def test_a_kind_that_the_daemon_runs_itself_is_not_gated(home: TestHome) -> None:
    @gated("crm.label", client=lambda: Client(home=home.root), timeout=20)
    def label(x: int) -> None:
        """Label a contact."""
        raise AssertionError("it ran")

    with pytest.raises(UsageError, match="without this function") as found:
        label(1)
    said = str(found.value)
    assert 'rehearsal: take `executor` out of [kinds."crm.label"] in rules.toml, and call' in said
    # Another id where a real one paid would pay again.
    assert said.endswith("If it was a real one, it is done: nothing more to do")


def test_without_a_kind_nothing_is_gated() -> None:
    with pytest.raises(TypeError, match=r'write @gated\("payment.refund"\)'):

        @gated  # type: ignore[arg-type]
        def pay() -> None: ...


def test_an_id_that_is_no_function_is_told_where_the_function_is_gated() -> None:
    text: Any = "refund-{order}"
    with pytest.raises(TypeError, match="a function that makes the id of the arguments"):
        gated("payment.refund", id=text)


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        ("Refund {ordr}", r"names \{ordr\}, which is no argument; its arguments: order, items"),
        ("Refund {}", r"names \{\}, which is no argument"),
        ("Refund {order", "the summary 'Refund {order': expected '}'"),
    ],
)
def test_a_summary_that_no_call_could_fill_is_told_at_once(summary: str, said: str) -> None:
    def pay(order: str, items: list[str]) -> None: ...

    with pytest.raises(TypeError, match=said):
        gated("x", summary=summary)(pay)
    assert gated("x", summary="{{Refund}} {order} {items[0]}")(pay)
    assert gated("x", summary="Refund {anything}")(lambda **rest: None)


def test_arguments_without_names_cannot_be_gated() -> None:
    with pytest.raises(TypeError, match="rest has no name"):
        gated("x")(lambda *rest: None)


def test_a_client_of_the_wrong_sort_is_told(home: TestHome) -> None:
    @gated("self.run", client=lambda: AsyncClient(home=home.root))
    def plain() -> None: ...

    with pytest.raises(UsageError, match="by a Client"):
        plain()


def test_what_an_outcome_needs_is_missed_before_anybody_is_asked(
    quiet_home: TestHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    @gated("self.run", client=lambda: Client(home=quiet_home.root))
    def plain() -> None:
        raise AssertionError("it ran")

    monkeypatch.setitem(sys.modules, "hitl_mail.core.canonical", None)
    with pytest.raises(ImportError):
        plain()
    assert list((quiet_home.root / "spool/new").iterdir()) == []


def test_an_agent_imports_nothing_of_the_daemon() -> None:
    program = (
        "import sys, json, hitl_mail.client\n"
        "print(json.dumps(sorted(name for name in sys.modules if '.' not in name or"
        " name.startswith('hitl_mail'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    names = set(json.loads(done.stdout))
    for outer in ("daemon", "bootstrap", "cli", "policy", "review", "ports", "site"):
        assert f"hitl_mail.{outer}" not in names
    assert not names & {"msgspec", "click", "tinydb", "jinja2", "httpx", "rich", "cryptography"}


def test_a_permit_that_ran_out_is_no_permit(side: Side, home: TestHome) -> None:
    import datetime as dt

    from hitl_mail.client.outcome import read_result, settled

    action = side.submit("self.run", {}, "Run it yourself")
    result = side.wait(action, PATIENCE)
    assert result.permit is not None
    later = result.permit.until + dt.timedelta(seconds=1)
    with pytest.raises(InDoubt, match="ran out"):
        settled(read_result(result.document), later)
    side.report(result, ok=False, error="no need any more")
