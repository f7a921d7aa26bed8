"""The post an executor makes, as its receiver sees it, and what each answer means."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from hitl_mail.adapters.execute.http import HttpExecutor, sign
from hitl_mail.core.canonical import check
from hitl_mail.ports import Attempt, Order
from hitl_mail.settings import Executor as Settings
from tests.servers.webhook import Received, Receiver, receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAYLOAD = {"b": 1, "a": "ü"}


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def run(server: Receiver, tmp_path: Path) -> Callable[..., Any]:
    """Posts to a path of the receiver."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    async def run(path: str = "/status/200", **settings: Any) -> Attempt:
        chosen = {"url": server.url + path, "secret_file": "secret", "timeout": 30, **settings}
        order = Order("261122-k3f9ma", 2, 1, PAYLOAD, (("a", "b/c", b""),), "261122-k3f9ma-2")
        return await HttpExecutor(Settings(type="http", **chosen), tmp_path).run(order)

    return run


@pytest.fixture
def post(run: Any, server: Receiver) -> Callable[..., Any]:
    """The post as it was received."""

    async def post(**settings: Any) -> Received:
        await run(**settings)
        return server.received[-1]

    return post


# What the receiver gets


async def test_the_body_is_the_payloads_canonical_bytes(post: Any) -> None:
    assert (await post()).body == '{"a":"ü","b":1}'.encode()


async def test_the_body_is_declared_as_json(post: Any) -> None:
    assert (await post()).headers["content-type"] == "application/json"


async def test_the_signature_holds_for_the_standard_library_of_webhooks(post: Any) -> None:
    received = await post()
    assert Webhook(SECRET).verify(received.body, received.headers) == PAYLOAD


async def test_the_signature_does_not_hold_for_another_body(post: Any) -> None:
    received = await post()
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(received.body + b" ", received.headers)


def test_the_signature_is_the_one_of_the_specification() -> None:
    # The example that the specification's libraries test against.
    message, stamp, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    key = Webhook(SECRET)._whsecret
    assert sign(key, message, stamp, body)["webhook-signature"] == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


async def test_case_and_revision_are_the_idempotency_key(post: Any) -> None:
    headers = (await post()).headers
    assert (headers["idempotency-key"], headers["webhook-id"]) == (
        "261122-k3f9ma-2",
        "261122-k3f9ma-2",
    )


async def test_headers_of_the_settings_are_added(post: Any) -> None:
    assert (await post(headers={"Authorization": "Bearer x"})).headers["authorization"] == (
        "Bearer x"
    )


async def test_headers_of_the_settings_cannot_replace_the_signature(post: Any) -> None:
    received = await post(headers={"Webhook-Id": "another", "Content-Type": "text/plain"})
    assert Webhook(SECRET).verify(received.body, received.headers) == PAYLOAD


async def test_a_changed_secret_counts_for_the_next_order(
    run: Any, server: Receiver, tmp_path: Path
) -> None:
    await run()
    (tmp_path / "secret").write_text("whsec_YW5vdGhlcg")
    await run()
    received = server.received[-1]
    assert Webhook("whsec_YW5vdGhlcg").verify(received.body, received.headers) == PAYLOAD


async def test_a_proxy_of_the_environment_is_not_used(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert (await run()).result == "ok"


# What its answer means


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "ok"),
        (202, "ok"),
        (204, "ok"),
        (400, "failed"),
        (404, "failed"),
        (409, "failed"),
        (429, "temporary"),
        (500, "failed"),
        (502, "failed"),
        (503, "temporary"),
    ],
)
async def test_the_status_says_how_it_went(run: Any, status: int, result: str) -> None:
    attempt = await run(f"/status/{status}")
    assert (attempt.result, attempt.outcome["status_code"]) == (result, status)


async def test_a_redirect_is_not_followed(run: Any, server: Receiver) -> None:
    before = len(server.received)
    attempt = await run("/redirect")
    paths = [received.path for received in server.received[before:]]
    assert (attempt.result, attempt.outcome["status_code"], paths) == ("failed", 307, ["/redirect"])


async def test_the_answers_body_is_kept(run: Any) -> None:
    assert (await run()).outcome["body"] == "seen"


async def test_a_body_that_is_not_text_becomes_text(run: Any) -> None:
    outcome = (await run("/bytes")).outcome
    check(outcome)
    assert outcome["body"].endswith(" café")


async def test_a_body_over_the_limit_is_cut(run: Any) -> None:
    outcome = (await run(output_bytes=2)).outcome
    assert (outcome["body"], outcome["body_truncated"]) == ("se", True)


async def test_a_body_without_end_does_not_undo_the_answer(run: Any) -> None:
    assert (await run("/endless", output_bytes=100)).result == "ok"


# What leaves doubt, and what does not


async def test_nobody_there_leaves_doubt(run: Any) -> None:
    attempt = await run(url="http://127.0.0.1:1/")
    assert (attempt.result, "ConnectError" in attempt.outcome["error"]) == ("doubt", True)


async def answered_by(answer: bytes, run: Any) -> Attempt:
    """What becomes of a post to a server that says `answer` and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found: Attempt = await run(url=f"http://127.0.0.1:{port}/")
    return found


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200", id="half a status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", id="half a body"),
        pytest.param(b"220 smtp.example.com ESMTP\r\n", id="another protocol"),
    ],
)
async def test_a_connection_that_breaks_leaves_doubt(run: Any, answer: bytes) -> None:
    assert (await answered_by(answer, run)).result == "doubt"


async def test_a_broken_answer_still_tells_its_status(run: Any) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    outcome = (await answered_by(answer, run)).outcome
    assert (outcome["status_code"], outcome["body"]) == (200, "half")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"url": None}, id="no url"),
        pytest.param({"url": "ftp://example.com/"}, id="another scheme"),
        pytest.param({"url": "http://x:abc/"}, id="no url at all"),
        pytest.param({"secret_file": None}, id="no secret"),
        pytest.param({"secret_file": "nowhere"}, id="no secret file"),
        pytest.param({"secret_file": "empty"}, id="empty secret"),
        pytest.param({"secret_file": "bad"}, id="secret not base64"),
        pytest.param({"secret_file": "binary"}, id="secret not text"),
        pytest.param({"headers": {"x": "a\r\nb: c"}}, id="header with a line break"),
        pytest.param({"headers": {"x y": "a"}}, id="bad header name"),
    ],
)
async def test_wrong_settings_fail_before_anything_is_sent(
    run: Any, server: Receiver, tmp_path: Path, settings: dict[str, Any]
) -> None:
    (tmp_path / "empty").write_text("whsec_")
    (tmp_path / "bad").write_text("whsec_!!")
    (tmp_path / "binary").write_bytes(b"\xff\xff")
    before = len(server.received)
    attempt = await run(**settings)
    assert (attempt.result, len(server.received) - before) == ("failed", 0)


async def test_the_secret_is_not_in_the_outcome(run: Any, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("whsec_this-is-not-base64!")
    assert "this-is-not" not in str((await run(secret_file="bad")).outcome)
