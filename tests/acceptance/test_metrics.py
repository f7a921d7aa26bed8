"""`/metrics` of a real daemon: the numbers add up, whoever tries to bend them."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from tests.acceptance.home import SITE, TestHome, label, refund, until
from tests.acceptance.scrape import Scraped, of, scrape
from tests.servers.process import free_port


def settled(home: TestHome, receipts: int) -> Scraped:
    """The metrics once so many receipts are written and nothing is owed any more."""

    def look() -> Scraped | None:
        found = scrape(home)
        owed = of(found, "mails_waiting") or of(found, "open_cases").keys() - {("pending",)}
        return found if of(found, "receipts_last_seq") == {(): receipts} and not owed else None

    return until(look, lambda: f"{receipts} receipts; now: {scrape(home)}")


def test_counts_are_of_what_happened(home: TestHome) -> None:
    begun = time.time()
    home.await_result(home.drop(label()))
    for verb in ("approve", "reject"):
        asked = home.drop(refund())
        home.reply(home.await_mail("ada@", home.case_of(asked)), verb, "ada@example.com")
        home.await_result(asked)
    home.drop(refund(), "waits.json")
    home.await_result(home.drop({"kind": "root.grant", "payload": {}, "summary": "Become root"}))
    until(lambda: len(home.mails("bob@")) == 3, "the last question")
    found = settled(home, receipts=4)
    assert of(found, "actions_total") == {("auto",): 1, ("hard",): 3, ("deny",): 1}
    assert of(found, "decisions_total") == {("approve", "mail"): 1, ("reject", "mail"): 1}
    assert of(found, "ended_cases_total") == {("executed",): 2, ("rejected",): 1, ("denied",): 1}
    assert of(found, "open_cases") == {("pending",): 1}
    assert of(found, "waiting_cases") == {(): 1}
    assert 0 < of(found, "oldest_wait_seconds")[()] <= time.time() - begun
    assert of(found, "receipts_written_total") == {(): 4}
    assert of(found, "letters_total") == {("done",): 2}
    events = of(found, "events_total")
    assert events == {
        ("received",): 5,
        ("denied",): 1,
        ("decided",): 2,
        ("approved",): 2,
        ("rejected",): 1,
        ("started",): 2,
        ("succeeded",): 2,
        ("filed",): 4,
        ("result_written",): 4,
        ("mail_sent",): len(home.mails()),
    }
    assert of(found, "mails_offered_total") == {("sent",): len(home.mails())}
    # Three questions, each to ada and to bob.
    assert of(found, "asked_seconds_count") == {(): 6}
    assert of(found, "decided_seconds_count") == {(): 2}
    assert of(found, "faults") == {}
    assert of(found, "spool_files") == {}
    for name in ("journal_records", "journal_bytes", "disk_free_bytes"):
        assert of(found, name)[()] > 0
    for name in ("start_time", "mail_out_last_success_timestamp", "mail_in_last_success_timestamp"):
        assert begun - 60 < of(found, f"{name}_seconds")[()] <= time.time()


def test_what_waits_from_before_is_known_after_a_start_and_nothing_of_it_is_counted(
    home: TestHome,
) -> None:
    home.drop(refund())
    home.await_mail("ada@")
    settled_before = until(
        lambda: of(scrape(home), "mails_offered_total") == {("sent",): 2}, "sent"
    )
    assert settled_before
    assert home.stop() == 0
    home.start()
    found = scrape(home)
    assert of(found, "open_cases") == {("pending",): 1}
    for counts in ("events_total", "actions_total", "mails_offered_total", "asked_seconds_count"):
        assert of(found, counts) == {}


def test_nobody_makes_a_label(home: TestHome) -> None:
    """Kinds, ids, labels, effects and names are the agent's to choose, and in none of it."""
    before = scrape(home).keys()
    for number in range(5):
        name = f"mark{number}"
        strange = label(
            kind=f"{name}.run", run_id=name, labels={name: name}, effects=[name], id=name
        )
        home.drop(strange, f"{name}.json")
    home.drop(b"{", "mark-broken.json")
    until(lambda: len(home.json("queue")) == 5, "all are cases")
    after = scrape(home)
    assert after.keys() == before
    assert of(after, "actions_total") == {("hard",): 5}


def test_it_is_for_this_machine_and_through_no_proxy(home: TestHome) -> None:
    url = f"http://127.0.0.1:{home.port}/metrics"
    proxied = httpx.get(url, headers={"x-forwarded-for": "192.0.2.1"}, trust_env=False)
    assert (proxied.status_code, "hitl_mail_" in proxied.text) == (404, False)


def test_a_fault_has_the_name_that_status_has_for_it(make_home: Callable[..., TestHome]) -> None:
    smtp = f"""
[mail]
transport = "smtp"
address = "approvals@example.com"
[mail.smtp]
host = "127.0.0.1"
port = {free_port()}
tls = "none"
[mail.imap]
host = "127.0.0.1"
port = {free_port()}
tls = "none"
username = "approvals"
password_file = "password"
"""
    site = SITE.replace(
        '\n[mail]\ntransport = "maildir"\naddress = "approvals@example.com"\n', smtp
    )
    home = make_home(site=site)
    (home.root / "password").write_text("secret\n")
    (home.root / "password").chmod(0o600)
    home.start()
    home.drop(refund())
    (home.root / "rules.toml").write_text("[[rules]]\n")
    wanted = {("mail_out",), ("mail_in",), ("policy_error",)}
    until(lambda: wanted <= of(scrape(home), "faults").keys(), lambda: str(scrape(home)))

    def status() -> bool:
        told = home.cli("status")
        named = ("outgoing mail: ", "incoming mail: ", "the changed rules.toml is not used")
        return told.returncode == 1 and all(name in told.stdout for name in named)

    until(status, "status has these faults")
    found = scrape(home)
    assert of(found, "mails_offered_total")[("deferred",)] >= 1
    # Both wait; that the server is down is one fault, not one for each mail.
    assert of(found, "mails_waiting")[()] >= 2


def test_files_that_nobody_has_taken_yet_are_counted(home: TestHome) -> None:
    site = (home.root / "hitl-mail.toml").read_text()
    assert home.stop() == 0
    home.write_site(site + "\n[limits]\nwaiting = 1\n")
    home.start()
    for number in range(4):
        home.drop(refund(), f"a{number}.json")
    until(lambda: of(scrape(home), "spool_files") == {(): 3}, lambda: str(scrape(home)))
