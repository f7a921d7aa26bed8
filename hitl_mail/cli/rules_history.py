"""`rules replay` and `rules suggest`: the policy against everything that was ever decided."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hitl_mail import bootstrap
from hitl_mail.cli.history import start_of, watched
from hitl_mail.cli.output import emit_json, json_option, lines, safe, table
from hitl_mail.core.receipt import ERASED
from hitl_mail.errors import UsageError
from hitl_mail.home import Home, find_home

if TYPE_CHECKING:
    from hitl_mail.core.verdict import Verdict
    from hitl_mail.policy.history import Entry, Past
    from hitl_mail.policy.judge import Policy
    from hitl_mail.policy.replay import Judge
    from hitl_mail.settings import Site

_SHOWN = 20
_EMPTY = "There are no receipts in this time: nothing to learn from yet."

since_option = click.option("--since", metavar="90d", help="Only cases closed in this last time.")


@click.command()
@click.option(
    "--rules",
    "file",
    required=True,
    metavar="NEW.toml",
    type=click.Path(path_type=Path),
    help="The rules to try.",
)
@since_option
@json_option
@click.pass_obj
def replay(home: str, file: Path, since: str | None, as_json: bool) -> None:
    """What other rules would have done on every receipt."""
    from hitl_mail.policy.replay import replay as run

    found = find_home(home)
    site, policy = bootstrap.load_config(found, file)
    start = start_of(since)
    entries = _history(found, start, "Replaying")
    report = run(entries, _judge(found, site, policy), start).report()
    if as_json:
        emit_json({"rules": str(file), "policy": policy.digest, "since": start or None, **report})
    elif not report["receipts"]:
        click.echo(_EMPTY)
    else:
        _tell_replay(report)


@click.command()
@since_option
@json_option
@click.pass_obj
def suggest(home: str, since: str | None, as_json: bool) -> None:
    """What the rules could ask less, from what people said, each with its proof."""
    from hitl_mail.policy.suggest import Tools
    from hitl_mail.policy.suggest import suggest as run

    found = find_home(home)
    site, policy = bootstrap.load_config(found)
    start = start_of(since)
    tools = Tools(
        lambda text: bootstrap.load_policy_text(found, site, text, found.rules_file.name),
        partial(_judge, found, site),
    )
    result = run(lambda: _history(found, start, "Reading"), policy, tools, start)
    documents = [suggestion.document() for suggestion in result.found]
    if as_json:
        emit_json(
            {
                "policy": policy.digest,
                "since": start or None,
                "receipts": result.actions,
                "not_replayable": result.unreadable,
                "suggestions": documents,
            }
        )
    elif not result.actions:
        click.echo(_EMPTY)
    elif not documents:
        click.echo(f"{result.actions} cases give no reason to ask less.")
    else:
        for document in documents:
            _tell_suggestion(document)


def _judge(home: Home, site: Site, policy: Policy) -> Judge:
    """Judge as the daemon would have: with the same draws, where the key can be read, and with
    what was typical then."""
    from hitl_mail.core.sampling import draw
    from hitl_mail.core.verdict import Standing

    keys = bootstrap.sampling_keys(home)

    def judge(past: Past, typical: Mapping[str, float]) -> Verdict:
        if past.action is None:
            raise UsageError(f"{past.case} cannot be replayed: its action is gone")
        drawn = draw(keys[-1], past.case) if keys else None
        excluded = site.excluded(past.agent, past.action.requested_by)
        return policy.judge(past.action, past.agent, excluded, past.case, Standing(drawn, typical))

    return judge


def _history(home: Home, start: str, what: str) -> Iterator[Entry]:
    """What all receipts say, under a progress bar where somebody watches."""
    from hitl_mail.policy.history import read_entry

    receipts: Iterable[dict[str, Any]] = bootstrap.past_receipts(home, start)
    if sys.stderr.isatty():
        receipts = watched(receipts, bootstrap.read_receipts(home).head()[0], what)
    # That contents were erased is no case, and says nothing about rules.
    return map(read_entry, (one for one in receipts if one["status"] != ERASED))


def _tell_replay(report: Mapping[str, Any]) -> None:
    lines(_figures(report))
    gates = report["gates"]
    columns = [gate for gate in _gates() if any(gate in row for row in gates.values())]
    table(
        ["was \\ would be", *columns],
        [[then, *(row.get(now, "") for now in columns)] for then, row in gates.items()],
    )
    for key, title in (
        ("alone_though_refused", "WOULD HAVE RUN ALONE although a person rejected or edited it"),
        ("denied_though_approved", "Would have been denied although approved and executed"),
        ("asked_though_ran_alone", "Would have been asked about although it ran alone"),
    ):
        _tell_cases(title, report[key])


def _gates() -> tuple[str, ...]:
    from hitl_mail.policy.replay import OUTCOMES

    return OUTCOMES


def _figures(report: Mapping[str, Any]) -> list[tuple[str, object]]:
    asks, reviews, minutes = report["asks"], report["reviews"], report["minutes"]
    unknown = f"; {reviews['unknown']} cannot be told" if reviews["unknown"] else ""
    looked = reviews["before"] or reviews["after"] or reviews["unknown"]
    time_ = "nobody's decision was timed"
    if minutes["change"] is not None:
        time_ = (
            f"{minutes['before']} min -> {minutes['after']} min ({minutes['change']:+} min),"
            f" at {report['seconds_per_ask']:.0f} s an ask, the median of"
            f" {report['decisions_timed']} decisions"
        )
    return [
        ("receipts", report["receipts"]),
        ("not replayable", _lost(report)),
        ("asks", f"{asks['before']} -> {asks['after']} ({asks['change']:+})"),
        ("people's time", time_),
        ("reviews", f"{reviews['before']} -> {reviews['after']}{unknown}" if looked else ""),
    ]


def _lost(report: Mapping[str, Any]) -> str:
    parts = []
    for key in ("erased", "unreadable"):
        count, cases = report[key]["count"], report[key]["cases"]
        if count:
            more = ", …" if count > _SHOWN else ""
            parts.append(f"{count} {key}: {', '.join(cases[:_SHOWN])}{more}")
    return "; ".join(parts)


def _tell_cases(title: str, found: Mapping[str, Any]) -> None:
    click.echo(f"{title}: {found['count'] or 'none'}")
    for row in found["cases"][:_SHOWN]:
        said = "edited" if row["edited"] else row["status"]
        by = f" by {', '.join(row['decided_by'])}" if row["decided_by"] else ""
        click.echo(f"  {row['case']}  {safe(row['title'], 60)}  {said}{safe(by)}")
    if found["count"] > _SHOWN:
        click.echo(f"  and {found['count'] - _SHOWN} more; --json names them")


def _tell_suggestion(document: Mapping[str, Any]) -> None:
    """As TOML that can be pasted: all but the new block is comment."""
    click.echo(f"\n# {safe(document['says'], 1000)}")
    seen = document["evidence"]
    click.echo(f"# Seen from {seen['first'][:10]} to {seen['last'][:10]}.")
    if document["change"] is None:
        return
    asks, report = document["asks"], document["replay"]
    click.echo(f"# Asks over this history: {asks['now']} by the rules of now, {asks['then']} then.")
    for label, value in _figures(report):
        if value:
            click.echo(f"#   {label}: {safe(value, 1000)}")
    for line in document["change"]["old"].splitlines():
        click.echo(f"# was: {safe(line, 4000)}")
    for line in document["change"]["new"].splitlines():
        click.echo(safe(line, 4000))
