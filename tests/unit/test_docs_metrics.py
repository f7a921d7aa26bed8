"""docs/operations.md: the table has every metric; every alert is written on one that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hitl_mail.bootstrap.making import create_home
from hitl_mail.bootstrap.wiring import build
from hitl_mail.daemon.measures import Around, measures
from hitl_mail.daemon.tally import Tally
from hitl_mail.ports import Measure

PAGE = Path(__file__).parents[2].joinpath("docs/operations.md").read_text("utf-8")
ROW = re.compile(r"^\| `(hitl_mail_\w+)` \| (\w+) \|(.*?)\| (.+) \|$", re.MULTILINE)
(RULES,) = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
SUFFIX = {"counter": "_total", "info": "_info"}
BASE_UNITS = ("seconds", "bytes")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measure]:
    """Every measure of a daemon, by the name under which it is scraped."""
    home = create_home(tmp_path_factory.mktemp("docs") / "home")
    around = Around(files=int, journal=lambda: (0, 0), free=int, lost_lines=int)
    found = measures(build(home, web=False), Tally(), around, 0.0)
    return {measure.name + SUFFIX.get(measure.sort, ""): measure for measure in found}


def labels(measure: Measure) -> list[str]:
    return list(measure.samples[0].labels) if measure.samples else []


def test_the_table_has_every_metric_with_its_type_and_labels(known: dict[str, Measure]) -> None:
    rows = [
        (name, sort, re.findall(r"`(\w+)`", found)) for name, sort, found, _ in ROW.findall(PAGE)
    ]
    assert rows == [(name, measure.sort, labels(measure)) for name, measure in known.items()]


def test_names_are_of_base_units_and_each_says_what_it_is(known: dict[str, Measure]) -> None:
    for name, measure in known.items():
        assert re.fullmatch(r"hitl_mail_[a-z]+(_[a-z]+)*", name)
        assert measure.help.endswith(".") and len(measure.help) > 15
        assert not re.search(r"_(ms|millis|minutes|hours|kb|mb|kib|percent|days?)(_|$)", name)
        if measure.sort == "histogram":
            assert name.endswith(BASE_UNITS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_written_on_metrics_and_labels_that_are_there(
    known: dict[str, Measure], alert: str
) -> None:
    expr = ALERTS[alert]["expr"]
    named = re.findall(r"(hitl_mail_\w+)(?:\{(\w+)=\"(\w+)\"\})?", expr)
    assert named or expr == 'up{job="hitl-mail"} == 0'
    for name, label, value in named:
        assert name in known
        if label:
            assert value in {sample.labels[label] for sample in known[name].samples}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_the_mend(alert: str) -> None:
    assert ALERTS[alert]["annotations"]["mend"].endswith(".")
