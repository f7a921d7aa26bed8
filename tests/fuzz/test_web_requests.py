"""Requests of every sort at the web's door: an answer of a known status, and no decision but one
that a link's own form says.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus

from hypothesis import example, given
from hypothesis import strategies as st

from hitl_mail.core.canonical import parse_json
from tests.factories import CASE
from tests.fuzz.homes import no_fault
from tests.fuzz.mutate import THORNS, Draw, json_bytes, mutated
from tests.fuzz.office import OTHER, Room, nothing_said
from tests.fuzz.profile import corpus, fuzzed, timely, within
from tests.web.serve import served

STATUSES = {200, 303, 400, 403, 404, 405, 409, 413, 429}
FORM = b"application/x-www-form-urlencoded"
PAYLOAD = {"amount": 49, "currency": "EUR", "customer": "Ada"}


class Request(NamedTuple):
    method: str = "GET"
    path: str = "/"
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    chunks: tuple[bytes, ...] = ()


class Response(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


def asked(app: Any, request: Request) -> Response:
    """What the application answers. Raises what it raises."""
    sent: list[dict[str, Any]] = []
    bodies = list(request.chunks)

    async def receive() -> dict[str, Any]:
        if not bodies:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": bodies.pop(0), "more_body": bool(bodies)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode("utf-8", "surrogatepass"),
        "query_string": request.query,
        "root_path": "",
        "headers": list(request.headers),
        "client": ("192.0.2.1", 1),
        "server": ("127.0.0.1", 8025),
    }
    asyncio.run(app(scope, receive, send))
    begin, *rest = sent
    body = b"".join(message.get("body", b"") for message in rest)
    return Response(begin["status"], dict(begin["headers"]), body)


def checked(room: Room, request: Request) -> Response:
    """The answer, which is one of those there are, strict, and of a bounded size."""
    with no_fault(), within(2):
        response = asked(room.pages(), request)
    assert response.status in STATUSES
    assert b"content-security-policy" in response.headers
    assert response.headers[b"cache-control"] == b"no-store"
    assert len(response.body) < 400_000
    assert b"Traceback" not in response.body
    return response


_thorns = st.sampled_from(THORNS).map(lambda thorn: thorn.decode("latin-1"))


def links(room: Room) -> list[str]:
    return [
        f"/d/{room.link()}",
        f"/d/{room.link(person='bob')}",
        f"/d/{room.link(person='cleo', case=OTHER)}",
        f"/d/{room.link(person='cleo')}",
        f"/r/{room.link('receipt')}",
        f"/q/{room.link('queue')}",
        *("/", "/healthz", "/d/", "/d", "/r/x", "/static/../x", "//d/x", "/d/%2e%2e"),
    ]


@st.composite
def paths(draw: Draw) -> str:
    path: str = draw(st.sampled_from(links(Room())))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(path)))
        cut = draw(st.sampled_from([0, 0, 1, 5]))
        path = path[:at] + draw(_thorns | st.text(max_size=3)) + path[at + cut :]
    return path


_HEADERS = (
    *("host", "origin", "sec-fetch-site", "content-type", "content-length", "user-agent", "cookie"),
    *(
        "referer",
        "accept",
        "x-forwarded-for",
        "x-http-method-override",
        "transfer-encoding",
        "range",
    ),
)
_HEADER_VALUES = (
    *(
        "null",
        "https://approve.example.com",
        "http://[",
        "http://[::1",
        "//",
        "same-origin",
        "none",
    ),
    *("cross-site", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "-1"),
    *("text/plain", "99999999999999999999999", "\u0663", "1e9", "", "chunked", "\xff", "a" * 9000),
    *("application/x-www-form-urlencoded; charset=utf-16", "approve.example.com", "bytes=0-"),
)
_headers = st.lists(
    st.tuples(st.sampled_from(_HEADERS), st.sampled_from(_HEADER_VALUES) | _thorns).map(
        lambda pair: (pair[0].encode(), pair[1].encode("utf-8", "replace"))
    ),
    max_size=4,
).map(tuple)


@fuzzed(150)
@given(st.sampled_from(["GET", "HEAD", "get", "OPTIONS", "PUT", "DELETE", "TRACE", "X"]), paths())
@example("GET", "/d/" + "\x00")
@timely
def test_looking_changes_nothing(method: str, path: str) -> None:
    room = Room()
    before = list(room.kept.payloads)
    response = checked(room, Request(method, path, b"verb=approve&seen=x"))
    assert room.kept.payloads == before
    if response.status == 200 and path[:3] in ("/d/", "/r/", "/q/"):
        # Whatever link shows anything, it is one that was made.
        assert path in links(room)


# Forms


def fields(room: Room) -> dict[str, str]:
    """The fields of the page that ada's link shows."""
    found = room.front.look(room.link())
    assert found.form is not None
    shown = {"verb": "approve", "seen": found.seen, "note": "", "to": ""}
    return shown | {"p:amount": "49", "p:currency": '"EUR"', "p:customer": "Ada"}


@st.composite
def forms(draw: Draw) -> bytes:
    """A body: the page's own form, with fields changed, doubled, gone, and odd escapes."""
    pairs = list(fields(Room()).items())
    verbs = ["approve", "reject", "edit", "route", "ok", "flag", "retry", "", "Approve", "approve "]
    pairs[0] = ("verb", draw(st.sampled_from(verbs)))
    texts = st.sampled_from(
        ["", "0", "50", "1e999", "-1", "bob", "owner", "x" * 3000, "null", "[]"]
    )
    names = [*dict(pairs), "json", "p:", "p:amount.x", "p:a[0]", "\x00", "_method"]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(pairs)))
        change = draw(st.sampled_from(["set", "add", "drop"]))
        if change == "drop" and at < len(pairs):
            del pairs[at]
        elif change == "set" and at < len(pairs):
            pairs[at] = (pairs[at][0], draw(texts | _thorns))
        else:
            pairs.insert(at, (draw(st.sampled_from(names)), draw(texts | _thorns)))
    encode = draw(st.sampled_from([quote_plus, quote, lambda text: text]))
    text = draw(st.sampled_from("&&&&;")).join(f"{encode(n)}={encode(v)}" for n, v in pairs)
    return text.encode("utf-8", "replace")


def post(room: Room, path: str, body: bytes, *more: tuple[bytes, bytes]) -> Response:
    headers = ((b"host", b"approve.example.com"), (b"content-type", FORM), *more)
    return checked(room, Request("POST", path, b"", headers, (body,)))


def judge(room: Room, body: bytes, response: Response) -> None:
    """What was decided is what the form says, once, by ada, of ada's case."""
    said = room.said()
    if said == nothing_said():
        assert response.status != 303
        return
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    assert said == {CASE: [("ada", dict(pairs)["verb"])], OTHER: []}
    assert response.status == 303


@fuzzed(200)
@given(forms(), _headers)
@example(b"verb=approve&seen=x", ((b"origin", b"http://["),))
@timely
def test_a_form_decides_what_it_says_or_nothing(
    body: bytes, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    room = Room()
    judge(room, body, post(room, f"/d/{room.link()}", body, *headers))


@fuzzed(150)
@given(
    mutated(
        [
            b"&".join(
                b"%s=%s" % (n.encode(), quote_plus(v).encode()) for n, v in fields(Room()).items()
            ),
            *corpus("forms"),
        ]
    )
)
@timely
def test_a_body_of_any_bytes_decides_what_it_says_or_nothing(body: bytes) -> None:
    room = Room()
    judge(room, body, post(room, f"/d/{room.link()}", body))


@fuzzed(100)
@given(forms(), paths())
@timely
def test_no_other_link_decides_adas_case(body: bytes, path: str) -> None:
    room = Room()
    if path == f"/d/{room.link()}":
        return
    response = post(room, path, body)
    assert room.said()[CASE] == [] or path == f"/d/{room.link(person='bob')}"
    assert response.status != 303 or path in links(room)


@fuzzed(100)
@given(json_bytes([PAYLOAD, {**PAYLOAD, "x": {"y": [1, {"z": 2}]}}], ["amount", "a.b", "p:a"]))
@timely
def test_the_json_of_an_edit_is_taken_as_it_stands_or_not_at_all(typed: bytes) -> None:
    room = Room()
    text = typed.decode("utf-8", "replace")
    seen = fields(room)["seen"]
    body = f"verb=edit&seen={quote_plus(seen)}&json={quote_plus(text)}".encode()
    post(room, f"/d/{room.link()}", body)
    case = room.case()
    if len(case.revisions) == 1:
        assert case.payload == PAYLOAD
        return
    assert case.decisions[-1].verb == "edit"
    assert case.payload == parse_json(text.replace("\r\n", "\n").encode())
    assert 0 <= case.payload["amount"] <= 500


@fuzzed(100)
@given(
    st.dictionaries(st.sampled_from(["p:amount", "p:currency", "p:customer"]), st.text(max_size=30))
)
@timely
def test_the_fields_of_an_edit_change_what_they_name_or_nothing(typed: dict[str, str]) -> None:
    room = Room()
    whole = {**fields(room), "verb": "edit", **typed}
    body = "&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in whole.items()).encode()
    post(room, f"/d/{room.link()}", body)
    made = room.case().payload
    for name, value in PAYLOAD.items():
        if f"p:{name}" not in typed:
            assert made[name] == value
    assert json.dumps(made)


@fuzzed(12)
@given(
    mutated(
        [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /d/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Type: "
            + FORM
            + b"\r\n\r\na=b&c",
            b"POST /d/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\na=b&c\r\n0\r\n\r\n",
            b"GET /healthz HTTP/1.0\r\nExpect: 100-continue\r\nUpgrade: websocket\r\n"
            b"Connection: upgrade\r\n\r\n",
        ]
    )
)
@timely
def test_bytes_on_the_wire_get_an_answer_or_a_closed_connection(data: bytes) -> None:
    async def talk() -> bytes:
        async with served(Room().front) as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
            writer.write(data)
            writer.write_eof()
            async with asyncio.timeout(5):
                answer = await reader.read()
            writer.close()
            return answer

    with no_fault():
        answer = asyncio.run(talk())
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert not answer.startswith(b"HTTP/1.1 5")
