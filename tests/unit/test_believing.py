"""When a letter makes us ask the DNS, and what the answer is worth."""

from __future__ import annotations

import threading
from typing import Any

from hitl_mail.core.case import Case
from hitl_mail.daemon.believing import find_belief
from hitl_mail.review.sender import Belief, identify
from hitl_mail.settings import Authentication
from tests.factories import case_after, receive
from tests.mails import AT, TOKENS, composed, reply, site
from tests.signing import Dns, signed


def asked() -> Case:
    return case_after(receive(expires_at=AT + 99), now=AT)


CASE = asked()
ASK = composed(CASE).message
REPLY = signed(reply("approve", ASK))


async def believed(message: bytes, dns: Dns | None = None, **fields: Any) -> Belief:
    settings = Authentication(**{"require": "dmarc", **fields})
    return await find_belief(message, TOKENS, settings, site().people, dns or Dns(), AT)


async def test_a_signed_reply_decides_where_no_server_of_ours_checks() -> None:
    found = await believed(REPLY)
    assert found.problems == ()
    assert found.authentication.document() == {
        "result": "pass",
        "method": "own dkim",
        "detail": "d=example.com s=s1",
    }


async def test_an_unsigned_or_changed_reply_does_not() -> None:
    for message in (reply("approve", ASK), REPLY.replace(b"approve\r\n", b"approve it\r\n")):
        found = await believed(message)
        assert found.authentication.result in ("none", "fail")
        assert found.problems != ()


async def test_without_an_answer_of_the_dns_the_reviewer_learns_to_try_again() -> None:
    silent = Dns({"s1._domainkey.example.com": OSError("timed out")})
    assert (await believed(REPLY, silent)).problems == (
        "the sender is not authenticated: the DNS gave no key of example.com; it may do so later",
    )


async def test_our_servers_word_is_the_only_one_where_it_checks() -> None:
    dns = Dns()
    found = await believed(REPLY, dns, authserv_id="mx.example.com")
    assert found.problems == ("the sender is not authenticated: no Authentication-Results",)
    other = b"Authentication-Results: mx.other.example; dkim=pass header.d=example.com\r\n" + REPLY
    assert (await believed(other, dns, authserv_id="mx.example.com")).problems != ()
    assert dns.asked == []


async def test_results_that_nobody_configured_are_not_believed() -> None:
    forged = b"Authentication-Results: mx.example.com; dmarc=pass\r\n" + reply("approve", ASK)
    found = await believed(forged)
    assert found.problems == ("the sender is not authenticated: no DKIM signature",)


async def test_where_the_token_is_enough_nobody_is_asked() -> None:
    dns = Dns()
    assert (await believed(REPLY, dns, require="token")).problems == ()
    assert dns.asked == []


async def test_the_mail_of_a_stranger_or_of_a_machine_makes_us_ask_nobody() -> None:
    dns = Dns()
    stranger = signed(reply("approve", ASK, sender="eve@evil.test"), "evil.test")
    for message in (
        stranger,
        b"Auto-Submitted: auto-replied\r\n" + REPLY,
        signed(reply("approve")),
    ):
        assert (await believed(message, dns)).problems != ()
    assert dns.asked == []


async def test_a_strangers_address_is_what_its_reviewer_hears_of_first() -> None:
    found = await believed(signed(reply("approve", ASK, sender="eve@evil.test"), "evil.test"))
    revisions = {revision.number: revision.digest for revision in CASE.revisions}
    who = identify(found, CASE.id, revisions, site().people, TOKENS)
    assert (who.person, who.problems[0]) == ("ada", "it was not sent from an address of ada")


async def test_the_dns_is_asked_off_the_event_loop() -> None:
    threads = []

    class Watched(Dns):
        def __call__(self, name: str) -> bytes | None:
            threads.append(threading.current_thread())
            return super().__call__(name)

    assert (await believed(REPLY, Watched())).problems == ()
    assert threads != []
    assert threading.main_thread() not in threads
