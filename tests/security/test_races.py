"""Many at the same instant: decisions, posts, reports and files."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.home import TestHome, label, link, refund, until
from tests.security.pages import client, post, seen_on


def at_once(*works: Callable[[], object]) -> None:
    """Start all and wait for all."""
    gate = threading.Barrier(len(works))

    def begin(work: Callable[[], object]) -> None:
        gate.wait()
        work()

    threads = [threading.Thread(target=begin, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_two_decisions_that_race_one_counts_and_the_other_is_told(home: TestHome) -> None:
    """A decision is single use: approve and reject by every door at once, and one outcome."""
    actions = [home.drop(refund()) for _ in range(8)]
    mails = {
        (one, who): home.await_mail(f"{who}@example.com", home.case_of(one))
        for one in actions
        for who in ("ada", "bob")
    }
    seen = {}
    for key, mail in mails.items():
        with client() as visitor:
            seen[key] = seen_on(visitor.get(link(mail)).text)
    works: list[Callable[[], object]] = []
    answers: list[int] = []
    for one in actions:
        for who, verb in (("ada", "approve"), ("bob", "reject")):
            mail = mails[one, who]
            works += [
                lambda m=mail, k=(one, who), v=verb: answers.append(  # type: ignore[misc]
                    post(link(m), v, seen[k]).status_code
                ),
                lambda m=mail, w=who, v=verb: home.reply(m, v, f"{w}@example.com"),  # type: ignore[misc]
            ]
    at_once(*works)
    results = {one: home.await_result(one) for one in actions}
    until(lambda: not any((home.root / "mail/in/new").iterdir()), "all replies are read")
    receipts = {one: home.json("receipts", "show", one) for one in actions}
    for one in actions:
        verbs = [said["verb"] for said in results[one]["decisions"]]
        wanted = {"executed": ["approve"], "rejected": ["reject"]}[results[one]["status"]]
        assert (verbs, [d["verb"] for d in receipts[one]["decisions"]]) == (wanted, wanted)
    executed = {results[one]["case"] for one in actions if results[one]["status"] == "executed"}
    runs = Counter(run["CASE"] for run in home.ran())
    assert runs == Counter(dict.fromkeys(executed, 1))
    assert set(answers) <= {303, 409}


def test_one_link_posted_by_many_at_once_decides_once(home: TestHome) -> None:
    """A double click, a proxy that repeats, a thief who is quick: one decision, one run."""
    action = home.drop(refund())
    url = link(home.await_mail("ada@example.com", home.case_of(action)))
    with client() as visitor:
        seen = seen_on(visitor.get(url).text)
    answers: list[int] = []
    at_once(*[lambda: answers.append(post(url, "approve", seen).status_code) for _ in range(24)])
    result = home.await_result(action)
    ran = [run for run in home.ran() if result["case"] in run.values()]
    assert (answers.count(303), set(answers), len(ran)) == (1, {303, 409}, 1)


def test_a_permit_reported_by_many_files_at_once_counts_once(home: TestHome) -> None:
    """Contradicting reports of one permit: one outcome, the others are refused."""
    action = home.drop(label(kind="self.run"))
    permit = home.await_result(action)
    report = {"report": permit["case"], "permit": permit["permit"]["token"]}
    at_once(
        *[
            lambda n=n: home.drop(  # type: ignore[misc]
                {**report, "outcome": {"ok": n % 2 == 0, "n": n}}, f"race-{n}.json"
            )
            for n in range(10)
        ]
    )
    until(
        lambda: sum(home.refusal(f"race-{n}.json") is not None for n in range(10)) == 9 or None,
        "nine refusals",
    )
    [refused_not] = [n for n in range(10) if home.refusal(f"race-{n}.json") is None]
    result = home.result(action)
    assert result is not None
    assert (result["outcome"]["n"], result["outcome"]["ok"]) == (refused_not, refused_not % 2 == 0)


def test_files_that_change_while_they_are_read_bring_in_nothing_from_elsewhere(
    home: TestHome, tmp_path: Path
) -> None:
    """Symlinks, hard links, pipes, directories, renamed and written under the daemon's hands."""
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(label(summary="TOPSECRET", id="stolen")))
    outside = home.root / "outside.json"
    outside.write_text(json.dumps(label(summary="TOPSECRET", id="stolen")))
    spool, stop = home.root / "spool", threading.Event()

    def swap(number: int) -> None:
        """What an agent's process can do with names in its own two directories."""
        turn = 0
        while not stop.is_set():
            turn += 1
            aside = spool / "tmp" / f"swap-{number}-{turn}"
            target = spool / "new" / f"swap-{number}.json"
            kind = turn % 6
            try:
                if kind == 0:
                    aside.symlink_to(secret)
                elif kind == 1:
                    os.link(outside, aside)
                elif kind == 2:
                    os.mkfifo(aside)
                elif kind == 3:
                    aside.symlink_to("/dev/zero")
                else:
                    aside.write_text(json.dumps(label(id=f"swap-{number}-{turn}")))
                aside.rename(target)
                if kind == 4:
                    with target.open("r+") as file:
                        file.write(json.dumps(label(summary="changed", id="changed")))
            except OSError:
                continue

    threads = [threading.Thread(target=swap, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        good = [home.drop(label(), f"good-{number}.json") for number in range(20)]
        results = [home.await_result(one)["status"] for one in good]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    last = home.await_result(home.drop(label()))
    assert (set(results), last["status"]) == ({"executed"}, "executed")
    written = [
        path
        for place in ("spool/results", "state/journal", "state/receipts")
        for path in (home.root / place).iterdir()
        if b"TOPSECRET" in path.read_bytes()
    ]
    assert (written, home.result("stolen")) == ([], None)
    assert (secret.exists(), outside.exists()) == (True, True)
    assert home.json("status")["ok"] or home.health() is not None
