"""A daemon's metrics as a monitoring system reads them."""

from __future__ import annotations

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.acceptance.home import TestHome

Scraped = dict[tuple[str, ...], float]
"""Values by the sample's name and its labels' values, in the order of the labels."""

ACCEPT = "application/openmetrics-text; version=1.0.0"


def scrape(home: TestHome) -> Scraped:
    """What `/metrics` tells now. Fails for what the library's own reader does not take."""
    url = f"http://127.0.0.1:{home.port}/metrics"
    response = httpx.get(url, headers={"accept": ACCEPT}, trust_env=False)
    assert response.status_code == 200, response.text
    return read(response.text)


def read(text: str) -> Scraped:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: Scraped, name: str) -> dict[tuple[str, ...], float]:
    """What is not zero of one metric, by its labels' values."""
    return {
        key[1:]: value for key, value in found.items() if key[0] == f"hitl_mail_{name}" and value
    }
