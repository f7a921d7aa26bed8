"""Links and addresses are secrets for one purpose: looked at, forwarded, replayed and swapped."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.acceptance.home import TestHome, body, label, link, refund, until
from tests.conftest import needs
from tests.security.pages import client, post, seen_on
from tests.web.browser import chromium

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")
OVERRIDES = {
    "X-HTTP-Method-Override": "POST",
    "X-HTTP-Method": "POST",
    "X-Method-Override": "POST",
    "Purpose": "prefetch",
}


def journal(home: TestHome) -> dict[str, bytes]:
    """All that the daemon has recorded."""
    found = [*(home.root / "state/journal").iterdir(), *(home.root / "state/receipts").iterdir()]
    return {path.name: path.read_bytes() for path in found}


def links_of(mail: EmailMessage) -> set[str]:
    """Every web address that a scanner finds in a mail, in the text and in the HTML."""
    html = mail.get_body(("html",))
    assert html is not None
    return set(re.findall(r'https?://[^\s">]+', body(mail) + html.get_content()))


@pytest.fixture(scope="module")
def others(make_home: Callable[..., TestHome]) -> TestHome:
    """Another site with the same people: its secrets are others."""
    made = make_home()
    made.start()
    return made


# Looked at


def test_whatever_a_scanner_asks_of_a_link_but_a_form_posted_changes_nothing(
    home: TestHome,
) -> None:
    """A GET or HEAD never changes anything, whatever its query, its body or its headers say."""
    action = home.drop(refund())
    case = home.case_of(action)
    mail = home.await_mail("ada@example.com", case)
    seen = ""
    with client() as scanner:
        for url in links_of(mail):
            seen = seen_on(scanner.get(url).text) or seen
    before = journal(home)
    form = {"verb": "approve", "seen": seen}
    with client(follow_redirects=True) as scanner:
        for url, method in itertools.product(links_of(mail), METHODS):
            scanner.request(method, url)
            scanner.request(method, url, params=form, headers=OVERRIDES)
            scanner.request(method, url, data=form, headers=OVERRIDES)
            scanner.get(url, params={**form, "_method": "POST"})
    assert seen
    assert journal(home) == before


async def test_a_browser_that_runs_scripts_and_follows_every_link_changes_nothing(
    home: TestHome, tmp_path: Path
) -> None:
    """Scanners open links in a real browser: nothing on the page decides by being looked at."""
    needs("chromium", "chromium")
    action = home.drop(refund())
    case = await asyncio.to_thread(home.case_of, action)
    mail = await asyncio.to_thread(home.await_mail, "ada@example.com", case)
    before = journal(home)
    async with chromium(tmp_path / "profile") as tab:
        waiting, visited = set(links_of(mail)), set()
        while waiting - visited:
            url = min(waiting - visited)
            visited.add(url)
            await tab.go(url)
            found = await tab.ask("[...document.querySelectorAll('a')].map(a => a.href)")
            await tab.ask("document.body.dispatchEvent(new Event('mouseover', {bubbles: true}))")
            waiting |= {one.partition("#")[0] for one in found if urlsplit(one).port == home.port}
        assert tab.complaints == []
    assert len(visited) >= 3
    assert journal(home) == before


# Forwarded and replayed


def test_a_forwarded_link_decides_and_the_receipt_says_that_it_was_a_link(home: TestHome) -> None:
    """Evidence is what it is: a bearer's link, an address and a browser, and no word of Ada's."""
    action = home.drop(refund())
    url = link(home.await_mail("ada@example.com", home.case_of(action)))
    done = post(url, "reject", note="Ada says no", headers={"user-agent": "Eve's\tbrowser"})
    assert done.status_code == 303
    home.await_result(action)
    receipt = home.json("receipts", "show", action)
    [said] = receipt["decisions"]
    assert said["evidence"].pop("address").startswith("127.0.0.")
    assert (said["via"], said["evidence"]) == ("link", {"user_agent": "Eve's?browser"})


def test_a_replayed_post_decides_nothing_a_second_time(home: TestHome) -> None:
    """A decision is single use, because the case is no longer pending."""
    action = home.drop(refund())
    url = link(home.await_mail("ada@example.com", home.case_of(action)))
    with client() as visitor:
        seen = seen_on(visitor.get(url).text)
    assert post(url, "approve", seen).status_code == 303
    assert home.await_result(action)["status"] == "executed"
    answers = [post(url, verb, seen).status_code for verb in ("approve", "reject", "edit", "retry")]
    receipt = home.json("receipts", "show", action)
    assert (set(answers), len(receipt["decisions"])) == ({409}, 1)


def test_what_was_seen_before_an_edit_decides_nothing_by_any_door(home: TestHome) -> None:
    """A decision for a payload that changed after it was shown is no decision."""
    action = home.drop(refund())
    case = home.case_of(action)
    ada, bob = (home.await_mail(f"{name}@example.com", case) for name in ("ada", "bob"))
    with client() as visitor:
        seen = seen_on(visitor.get(link(bob)).text)
    home.reply(ada, "edit\namount = 4900", "ada@example.com")
    home.await_mail("bob@example.com", case, count=2)
    home.reply(bob, "approve", "bob@example.com")
    home.reply(ada, "approve", "ada@example.com")
    assert post(link(bob), "approve", seen).status_code == 409
    said = home.await_mail("bob@example.com", case, count=3)
    assert "no longer" in body(said) or "changed" in body(said), body(said)
    shown = home.json("show", action)
    assert (shown["status"], [d["verb"] for d in shown["decisions"]]) == ("pending", ["edit"])


def test_a_command_about_what_was_seen_before_an_edit_decides_nothing(home: TestHome) -> None:
    """Nor at the command line, whose file says which revision it is about."""
    action = home.drop({"kind": "any.thing", "payload": {"x": 1}, "summary": "Ask cleo"})
    case = home.case_of(action)
    seen = home.json("show", action)["revisions"][-1]["digest"]
    home.json("edit", action, "x=2")
    said = {"case": case, "verb": "approve", "seen": seen}
    home.drop(said, "stale.json", "control")
    answer = until(lambda: home.result("stale", "control"), "an answer")
    shown = home.json("show", action)
    assert (answer["ok"], answer["code"]) == (False, "changed")
    assert (shown["status"], [d["verb"] for d in shown["decisions"]]) == ("pending", ["edit"])


def test_settings_changed_after_the_approval_are_asked_about_again(
    make_home: Callable[..., TestHome],
) -> None:
    """The executor's own settings are part of what was approved."""
    home = make_home()
    home.start()
    action = home.drop(refund())
    mail = home.await_mail("ada@example.com", home.case_of(action))
    home.stop()
    site = (home.root / "hitl-mail.toml").read_text()
    home.write_site(site.replace('type = "command"\n', 'type = "command"\nenv = { A = "B" }\n', 1))
    home.reply(mail, "approve", "ada@example.com")
    home.start()
    home.await_mail("ada@example.com", home.case_of(action), count=2)
    home.reply(mail, "approve", "ada@example.com")
    until(lambda: home.json("show", action)["revisions"][1:] or None, "a second revision")
    assert (home.ran(), home.json("show", action)["status"]) == ([], "pending")


# Swapped: every secret against every other use


class Secrets:
    """Two cases of one home and one of another, each with the mails to ada and to bob."""

    def __init__(self, home: TestHome, others: TestHome) -> None:
        self.home = home
        self.actions = {"one": home.drop(refund()), "two": home.drop(refund())}
        self.foreign = others.drop(refund())
        self.cases = {name: home.case_of(action) for name, action in self.actions.items()}
        self.cases["foreign"] = others.case_of(self.foreign)
        self.mails = {
            (name, who): (others if name == "foreign" else home).await_mail(
                f"{who}@example.com", self.cases[name]
            )
            for name in self.cases
            for who in ("ada", "bob")
        }
        self.tokens = {
            (name, who, way): link(mail, f"/{way}/").rpartition("/")[2]
            for (name, who), mail in self.mails.items()
            for way in ("d", "r")
        }
        with client() as visitor:
            for (name, who), mail in self.mails.items():
                page = visitor.get(link(mail)).text
                queue = re.search(r'href="\.\./q/([^"#]+)"', page)
                if queue:
                    self.tokens[name, who, "q"] = queue[1]


@pytest.fixture(scope="module")
def secrets(home: TestHome, others: TestHome) -> Secrets:
    return Secrets(home, others)


def test_a_link_opens_only_what_it_was_made_for(secrets: Secrets) -> None:
    """Every token at every place: only its own purpose, at its own site, shows anything."""
    base, opened = f"http://127.0.0.1:{secrets.home.port}", {}
    for (name, who, way), token in secrets.tokens.items():
        for place in ("d", "r", "q"):
            with client() as visitor:
                found = visitor.get(f"{base}/{place}/{token}")
            opened[name, who, way, place] = found.status_code == 200
    expected = {key: key[0] != "foreign" and key[2] == key[3] for key in opened}
    assert (opened, {key[2] for key in opened}) == (expected, {"d", "r", "q"})


def test_a_link_decides_only_its_own_case_and_only_what_it_showed(secrets: Secrets) -> None:
    """Every token with what every other page showed, posted to every place: nothing is decided."""
    base = f"http://127.0.0.1:{secrets.home.port}"
    before = journal(secrets.home)
    shown = {}
    with client() as visitor:
        for key, mail in secrets.mails.items():
            shown[key] = seen_on(visitor.get(link(mail)).text) or ""
    for (name, who, way), token in secrets.tokens.items():
        for place, (key, seen) in itertools.product("drq", shown.items()):
            if (way, place) == ("d", "d") and seen == shown[name, who] and name != "foreign":
                continue
            status = post(f"{base}/{place}/{token}", "approve", seen).status_code
            assert status in (404, 405, 409), (name, who, way, place, key)
    assert journal(secrets.home) == before


def test_a_changed_token_is_none(secrets: Secrets) -> None:
    """Every character of a link counts, and so does what is put around it."""
    token, base = secrets.tokens["one", "ada", "d"], f"http://127.0.0.1:{secrets.home.port}/d"
    swapped = [
        token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        for at in range(0, len(token) - 1, 7)
    ]
    around = [token + "x", token[:-1], token + "%00", token + ".x", token.upper(), "." + token]
    for one in (*swapped, *around):
        with client() as visitor:
            assert visitor.get(f"{base}/{one}").status_code == 404, one


SWAPS = (
    "another's address",
    "another case in the address",
    "another revision in the address",
    "the secret of a Message-ID in the address",
    "the secret of an address in the Message-ID",
    "another mail's secret in the Message-ID",
    "another site's address",
    "no secret",
)


def swapped(secrets: Secrets, how: str) -> tuple[str, str]:
    """The address and the In-Reply-To of a reply of ada's about the case `one`."""
    mine, hers = secrets.mails["one", "ada"], secrets.mails["one", "bob"]
    other, foreign = secrets.mails["two", "ada"], secrets.mails["foreign", "ada"]
    address, answered = str(mine["Reply-To"]), str(mine["Message-ID"])
    secret = address.rpartition("-")[2].partition("@")[0]
    own = answered.split(".")[3].partition("@")[0]
    stray = "<stray@example.com>"
    return {
        "another's address": (str(hers["Reply-To"]), stray),
        "another case in the address": (
            str(other["Reply-To"]).replace(secrets.cases["two"], secrets.cases["one"]),
            stray,
        ),
        "another revision in the address": (address.replace("-1-", "-2-"), stray),
        "the secret of a Message-ID in the address": (address.replace(secret, own), stray),
        "the secret of an address in the Message-ID": (
            "approvals@example.com",
            answered.replace(own, secret),
        ),
        "another mail's secret in the Message-ID": (
            "approvals@example.com",
            answered.replace(".m1.", ".m2."),
        ),
        "another site's address": (
            str(foreign["Reply-To"]).replace(secrets.cases["foreign"], secrets.cases["one"]),
            stray,
        ),
        "no secret": ("approvals@example.com", stray),
    }[how]


def test_a_reply_with_a_secret_that_was_for_something_else_decides_nothing(
    secrets: Secrets,
) -> None:
    """A secret of that reviewer and that case, in the address or in the Message-ID replied to."""
    home = secrets.home
    for how in SWAPS:
        address, answered = swapped(secrets, how)
        assert (address, answered) != (
            str(secrets.mails["one", "ada"]["Reply-To"]),
            str(secrets.mails["one", "ada"]["Message-ID"]),
        ), how
        mail = EmailMessage()
        mail["Reply-To"], mail["Message-ID"] = address, answered
        mail["Subject"] = secrets.mails["one", "ada"]["Subject"]
        mail.set_content("a mail of ours")
        home.reply(mail, "approve", "ada@example.com")
    home.reply(secrets.mails["two", "ada"], "approve", "ada@example.com")
    assert home.await_result(secrets.actions["two"])["status"] == "executed"
    until(lambda: not any((home.root / "mail/in/new").iterdir()), "all replies are read")
    shown = home.json("show", secrets.actions["one"])
    assert (shown["status"], shown["decisions"]) == ("pending", [])


def test_the_permit_of_another_case_reports_nothing(home: TestHome, others: TestHome) -> None:
    """A permit is for one case, one payload and one site."""
    first, second = (home.drop(label(kind="self.run")) for _ in range(2))
    foreign = others.drop(label(kind="self.run"))
    permits = [
        site.await_result(action)["permit"]["token"]
        for site, action in ((home, second), (others, foreign))
    ]
    case = home.await_result(first)["case"]
    for number, token in enumerate(permits):
        home.drop({"report": case, "permit": token, "outcome": {"ok": True}}, f"swap{number}.json")
        refused = until(lambda n=number: home.refusal(f"swap{n}.json"), "a refusal")  # type: ignore[misc]
        assert refused["error"] == "bad_permit"
    assert home.json("show", first)["status"] == "approved"
