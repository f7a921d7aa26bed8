"""The link's visitor is hostile: what is said over HTTP, byte by byte, to a real daemon."""

from __future__ import annotations

import re
import socket
import threading
import time

import pytest

from tests.acceptance.home import TestHome, link, refund
from tests.security.pages import client, post, seen_on

HOSTS = ("evil.example", "evil.example:80", "127.0.0.1@evil.example", "[::1]", "a\tb", "")
FORGED = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "192.0.2.66",
    "Forwarded": "for=192.0.2.66;host=evil.example",
    "X-Real-IP": "192.0.2.66",
    "X-Original-URL": "/q/x",
    "X-Rewrite-URL": "/q/x",
}


@pytest.fixture(scope="module")
def url(home: TestHome) -> str:
    """The decision link of a case that nothing here may decide."""
    return link(home.await_mail("ada@example.com", home.case_of(home.drop(refund()))))


def said(home: TestHome, request: bytes, wait: float = 10.0) -> bytes:
    """What the daemon answers to these bytes."""
    with socket.create_connection(("127.0.0.1", home.port), timeout=wait) as connection:
        connection.sendall(request)
        answer = bytearray()
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
        return bytes(answer)


def undecided(home: TestHome) -> bool:
    return {row["status"] for row in home.json("queue")} == {"pending"}


@pytest.mark.parametrize("host", HOSTS)
def test_no_page_holds_the_address_that_a_visitor_made_up(
    home: TestHome, url: str, host: str
) -> None:
    """Links and redirects never come from the Host header, and stay on this site."""
    path = url.partition(str(home.port))[2]
    forged = "".join(f"{name}: {value}\r\n" for name, value in {**FORGED, "Host": host}.items())
    for target in (path, path.replace("/d/", "/r/"), "/", "/nothing", f"//evil.example{path}"):
        answer = said(home, f"GET {target} HTTP/1.1\r\n{forged}\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 ")
        assert b"evil.example" not in answer.partition(b"\r\n\r\n")[0].lower()
        assert not re.search(rb'(?:href|action|src)="[^"]*evil', answer)
        assert b"\r\nlocation:" not in answer.lower()


def test_who_a_decision_came_from_is_the_socket_and_no_header(home: TestHome) -> None:
    """Evidence is not written by the visitor."""
    action = home.drop(refund())
    mine = link(home.await_mail("ada@example.com", home.case_of(action)))
    headers = {name: value for name, value in FORGED.items() if name != "Host"}
    assert post(mine, "reject", headers=headers).status_code == 303
    home.await_result(action)
    [decision] = home.json("receipts", "show", action)["decisions"]
    assert decision["evidence"]["address"].startswith("127.")


def test_a_decision_leads_back_to_its_own_page_and_nowhere_else(home: TestHome) -> None:
    """No open redirect: whatever is posted, the answer leads to the same site's same page."""
    action = home.drop(refund())
    mine = link(home.await_mail("ada@example.com", home.case_of(action)))
    more = {"next": "//evil.example", "redirect": "https://evil.example", "to": "//evil.example"}
    done = post(f"{mine}?next=//evil.example", "reject", **more)
    assert (done.status_code, done.headers["location"]) == (
        303,
        f"./{mine.rpartition('/')[2]}#top",
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://[::1"},
        {"origin": "http://[::1", "host": ""},
        {"origin": "http://127.0.0.1.evil.example"},
        {"origin": "https://evil.example", "host": "evil.example:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "null"},
        {"sec-fetch-site": "\x7f", "origin": ""},
    ],
)
def test_a_form_on_another_site_posts_nothing(
    home: TestHome, url: str, headers: dict[str, str]
) -> None:
    """A page elsewhere cannot decide through the browser of who has a link open."""
    with client() as visitor:
        seen = seen_on(visitor.get(url).text)
    answer = post(url, "approve", seen, headers=headers)
    assert (answer.status_code, "another site" in answer.text) == (403, True), answer.text
    assert undecided(home)


FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
BROKEN = {
    "two lengths": FORM + b"Content-Length: 3\r\nContent-Length: 90\r\n\r\na=b",
    "length and chunks": FORM + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks twice": FORM + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a length that is none": FORM + b"Content-Length: 0x10\r\n\r\n",
    "a length below zero": FORM + b"Content-Length: -1\r\n\r\n",
    "a length of a mile": FORM + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a bare line feed": FORM + b"X: a\n\nContent-Length: 0\r\n\r\n",
    "a folded header": FORM + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a header with a NUL": FORM + b"X: \x00\r\nContent-Length: 0\r\n\r\n",
    "many headers": FORM + b"X: y\r\n" * 20000 + b"\r\n",
    "a long header": FORM + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
    "a part of a form": b"Content-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 5\r\n\r\n--x--",
    "json": b'Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"verb":"approve"}',
    "fields": FORM + b"Content-Length: 40000\r\n\r\n" + b"a=b&" * 10000,
    "an upgrade": b"Upgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: x\r\n\r\n",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_request_that_two_programs_could_read_differently_decides_nothing(
    home: TestHome, url: str, how: str
) -> None:
    """Smuggled, broken and endless requests are refused, and the next visitor is served."""
    path = url.partition(str(home.port))[2].encode()
    request = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + BROKEN[how]
    answer = said(home, request)
    assert b" 303 " not in answer.partition(b"\r\n")[0]
    assert b"traceback" not in answer.lower()
    with client() as visitor:
        assert visitor.get(url).status_code == 200
    assert undecided(home)


def test_one_connection_carries_one_request(home: TestHome, url: str) -> None:
    """What stands behind a request on the same connection is never read as one."""
    path = url.partition(str(home.port))[2].encode()
    one = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = said(home, one * 5)
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/../state/keys/links.json",
        "/d/../../state/keys/links.json",
        "/%2e%2e/%2e%2e/state/keys/links.json",
        "/d/..%2f..%2fstate%2fkeys%2flinks.json",
        "/static/../hitl-mail.toml",
        "/d/\r\nX-Injected: 1",
        "/d/%0d%0aX-Injected:%201",
        "http://evil.example/d/x",
        "*",
        "/" + "a" * 100_000,
    ],
)
def test_no_path_leads_to_a_file_or_into_a_header(home: TestHome, path: str) -> None:
    """Only the five places of the page answer, and nothing of a path comes back in a header."""
    answer = said(home, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head[9:12] in (b"400", b"404", b"431", b""), answer[:300]
    assert b"x-injected" not in head.lower()
    assert b"secret" not in body


def test_slow_visitors_do_not_keep_others_out(home: TestHome, url: str) -> None:
    """A hundred visitors who begin a request and never end it: the next is served at once."""
    held = [socket.create_connection(("127.0.0.1", home.port)) for _ in range(100)]
    try:
        for connection in held:
            connection.sendall(b"POST /d/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na")
        begun = time.monotonic()
        with client() as visitor:
            assert visitor.get(url).status_code == 200
        assert time.monotonic() - begun < 5
    finally:
        for connection in held:
            connection.close()


def test_of_many_at_once_each_gets_an_answer_and_the_daemon_goes_on(
    home: TestHome, url: str
) -> None:
    """A burst from one address is told to wait; it changes nothing, and others are served."""
    answers: list[int] = []

    def knock() -> None:
        path = url.partition(str(home.port))[2].encode()
        for _ in range(20):
            answers.append(int(said(home, b"GET " + path + b" HTTP/1.0\r\n\r\n")[9:12] or b"0"))

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(answers), {200, 429} >= set(answers), 429 in answers) == (160, True, True)
    with client() as visitor:
        assert visitor.get(url).status_code == 200
    assert undecided(home)
