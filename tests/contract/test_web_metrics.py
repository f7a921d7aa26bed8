"""`/metrics`: whoever asks from this machine gets it in a form that they can read; nobody else."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus_text

from hitl_mail.adapters.web.local import is_local
from hitl_mail.adapters.web.metrics import Metrics
from hitl_mail.ports import Measure, Sample, Spread
from tests.web.one_case import OneCase
from tests.web.serve import served

MEASURES = [
    Measure("x_build", "info", "The version.", (Sample(1.0, {"version": "1"}),)),
    Measure(
        "x_cases", "gauge", "Cases.", (Sample(2.0, {"status": "a"}), Sample(0.0, {"status": "b"}))
    ),
    Measure("x_events", "counter", "Events.", (Sample(7.0, {"event": 'a"b\n\\'}),)),
    Measure("x_seconds", "histogram", "Time.", spread=Spread((0.5, 2.0), (1, 0, 3), 12.5)),
]
OPEN = {"accept": "application/openmetrics-text; version=1.0.0"}


async def metrics(accept: str) -> tuple[bytes, str]:
    return Metrics(lambda: MEASURES).answer(accept)


async def answer(headers: dict[str, str], path: str = "/metrics") -> httpx.Response:
    async with served(OneCase(), metrics=metrics) as client:
        return await client.get(path, headers=headers)


async def test_open_metrics_is_what_a_reader_of_it_reads() -> None:
    response = await answer(OPEN)
    assert response.headers["content-type"].startswith(
        "application/openmetrics-text; version=1.0.0"
    )
    found = {
        (sample.name, *sample.labels.items()): sample.value
        for family in open_metrics(response.text)
        for sample in family.samples
    }
    assert found == {
        ("x_build_info", ("version", "1")): 1,
        ("x_cases", ("status", "a")): 2,
        ("x_cases", ("status", "b")): 0,
        ("x_events_total", ("event", 'a"b\n\\')): 7,
        ("x_seconds_bucket", ("le", "0.5")): 1,
        ("x_seconds_bucket", ("le", "2.0")): 1,
        ("x_seconds_bucket", ("le", "+Inf")): 4,
        ("x_seconds_count",): 4,
        ("x_seconds_sum",): 12.5,
    }


async def test_a_unit_is_told_where_a_name_has_one() -> None:
    text = (await answer(OPEN)).text
    assert [line for line in text.splitlines() if line.startswith("# UNIT")] == [
        "# UNIT x_seconds seconds"
    ]


async def test_who_reads_no_open_metrics_gets_the_older_text() -> None:
    response = await answer({"accept": "*/*"})
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert {family.name for family in prometheus_text(response.text)} == {
        measure.name for measure in MEASURES if measure.sort != "info"
    } | {"x_build_info"}


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=abc",
        "application/openmetrics-text; version=1.x",
        "application/openmetrics-text; version=1.0.0; escaping=xyz",
        "text/plain; version=-1;;=,",
        "\x7f" * 5000,
    ],
)
async def test_an_accept_header_that_is_none_gets_an_answer_all_the_same(accept: str) -> None:
    response = await answer({"accept": accept})
    assert (response.status_code, "x_events_total" in response.text) == (200, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "192.0.2.1"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=192.0.2.1"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "127.0.0.1"},
        {"Host": "approve.example.com"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Host": ""},
    ],
    ids=str,
)
async def test_what_a_proxy_or_a_foreign_name_brings_gets_a_page_that_tells_nothing(
    headers: dict[str, str],
) -> None:
    response = await answer(OPEN | headers)
    assert (response.status_code, "x_cases" in response.text) == (404, False)


@pytest.mark.parametrize("host", ["localhost:8025", "127.0.0.1", "127.9.9.9:1", "[::1]:8025"])
async def test_the_names_of_this_machine_are_fine(host: str) -> None:
    assert (await answer(OPEN | {"host": host})).status_code == 200


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("10.0.0.1", False),
        ("::ffff:192.0.2.1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_only_a_loopback_address_is_this_machine(peer: str, local: bool) -> None:
    scope = {"client": (peer, 1), "headers": [(b"host", b"127.0.0.1:8025")]}
    assert is_local(scope) is local


def test_without_a_peer_or_with_two_hosts_it_is_nobody_of_this_machine() -> None:
    host = (b"host", b"127.0.0.1")
    assert not is_local({"client": None, "headers": [host]})
    assert not is_local({"client": ("127.0.0.1", 1), "headers": []})
    assert not is_local({"client": ("127.0.0.1", 1), "headers": [host, host]})


async def test_scrapes_take_nothing_of_the_allowance_of_visitors() -> None:
    async with served(OneCase(), metrics=metrics, rate=0.001, burst=1) as client:
        answers = [(await client.get("/metrics", headers=OPEN)).status_code for _ in range(5)]
        assert (answers, (await client.get("/")).status_code) == ([200] * 5, 200)


async def test_where_nothing_measures_there_is_no_such_page() -> None:
    async with served(OneCase()) as client:
        assert (await client.get("/metrics", headers=OPEN)).status_code == 404


async def test_it_cannot_be_written_to() -> None:
    async with served(OneCase(), metrics=metrics) as client:
        assert (await client.post("/metrics", headers=OPEN)).status_code == 405


async def test_measuring_that_breaks_is_one_bad_answer_and_no_more() -> None:
    async def broken(accept: str) -> tuple[bytes, str]:
        raise RuntimeError("secret")

    async with served(OneCase(), metrics=broken) as client:
        response = await client.get("/metrics", headers=OPEN)
        assert (response.status_code, "secret" in response.text) == (500, False)
        assert (await client.get("/healthz")).status_code == 200
