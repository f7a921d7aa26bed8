"""Measures as OpenMetrics, or as the older text of Prometheus for whoever asks for that.

https://prometheus.io/docs/specs/om/open_metrics_spec/. Who may ask is the business of
`local`. Imported at a first scrape: the library takes a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from hitl_mail.ports import Measure, Spread


class Metrics:
    """Answers scrapes; `look` gives the measures as they are now."""

    def __init__(self, look: Callable[[], Sequence[Measure]]) -> None:
        # A registry of its own: the library's global one tells of the process, too, and of
        # whatever else imports it.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Measures(look))

    def answer(self, accept: str) -> tuple[bytes, str]:
        """The body and its content type, in the best form that the Accept header allows."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):
            # The library compares versions as numbers, whatever is written there.
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


class _Measures(Collector):
    def __init__(self, look: Callable[[], Sequence[Measure]]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        return iter([_family(measure) for measure in self._look()])


def _family(measure: Measure) -> Metric:
    if measure.spread is not None:
        return _histogram(measure, measure.spread)
    # Each sample of a measure has the same labels.
    names = list(measure.samples[0].labels)
    if measure.sort == "info":
        info = InfoMetricFamily(measure.name, measure.help)
        for sample in measure.samples:
            info.add_metric([], sample.labels)
        return info
    made = CounterMetricFamily if measure.sort == "counter" else GaugeMetricFamily
    family = made(measure.name, measure.help, labels=names, unit=_unit(measure))
    for sample in measure.samples:
        family.add_metric([sample.labels[name] for name in names], sample.value)
    return family


def _histogram(measure: Measure, spread: Spread) -> Metric:
    family = HistogramMetricFamily(measure.name, measure.help, unit=_unit(measure))
    family.add_metric([], list(_buckets(spread)), spread.sum)
    return family


def _unit(measure: Measure) -> str:
    """What its name ends in, where that is a unit."""
    last = measure.name.rpartition("_")[2]
    return last if last in ("seconds", "bytes") else ""


def _buckets(spread: Spread) -> Iterator[tuple[str, float]]:
    """As OpenMetrics wants them: each counts what lies in all before it, too."""
    below = 0
    for bound, count in zip((*map(str, spread.bounds), "+Inf"), spread.counts, strict=True):
        below += count
        yield bound, below
