"""`rules`: whether the policy is sound, and what it says of an action."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hitl_mail import bootstrap
from hitl_mail.cli.output import emit_json, json_option, lines, safe
from hitl_mail.cli.reader import Reader
from hitl_mail.cli.rules_diff import diff
from hitl_mail.cli.rules_history import replay, suggest
from hitl_mail.core.action import Action, parse_document, read_message
from hitl_mail.errors import ConfigError, Problem, UsageError
from hitl_mail.home import Home, find_home
from hitl_mail.settings import DEFAULT_AGENT


@click.group()
def rules() -> None:
    """Check the rules, ask what they say, and try them on the past."""


rules.add_command(replay)
rules.add_command(suggest)
rules.add_command(diff)


@rules.command()
@json_option
@click.pass_obj
def check(home: str, as_json: bool) -> None:
    """Check hitl-mail.toml, then rules.toml.

    Prints every problem of the file at once, with its line and what to do. Exit 2 if there is one.
    """
    found = find_home(home)
    problems: Sequence[Problem] = ()
    notes: Sequence[Problem] = ()
    digest = None
    try:
        _, policy = bootstrap.load_config(found)
        notes, digest = policy.notes, policy.digest
    except ConfigError as error:
        problems = error.problems
    if as_json:
        emit_json(
            {
                "ok": not problems,
                "policy": digest,
                "problems": [_problem(problem) for problem in problems],
                "notes": [_problem(note) for note in notes],
            }
        )
        raise SystemExit(2 if problems else 0)
    if problems:
        raise ConfigError(list(problems))
    for note in notes:
        click.echo(f"note: {note}")
    click.echo(f"The rules are sound: {digest}")


@rules.command()
@click.argument("target", metavar="FILE|ID")
@click.option("--agent", default=DEFAULT_AGENT, metavar="NAME", help="Whose action it would be.")
@json_option
@click.pass_obj
def explain(home: str, target: str, agent: str, as_json: bool) -> None:
    """What the rules say of an action, and why.

    Of an action FILE that nobody has submitted yet, or of the case ID, as it was judged.
    """
    found = find_home(home)
    path = Path(target)
    if path.is_file():
        verdict = _judge(found, path, agent)
    else:
        verdict = Reader(found).show(target)["verdict"]
    if as_json:
        emit_json(verdict)
    else:
        _tell(verdict)


def _judge(home: Home, path: Path, agent: str) -> dict[str, Any]:
    site, policy = bootstrap.load_config(home)
    if agent not in home.spools(site):
        raise UsageError(f"no agent {agent}; there are {', '.join(sorted(home.spools(site)))}")
    document = parse_document(path.read_bytes(), toml=path.suffix == ".toml")
    message = read_message(document, path.stem)
    if not isinstance(message, Action):
        raise UsageError(f"{path}: this is no action")
    excluded = site.excluded(agent, message.requested_by)
    return policy.judge(message, agent, excluded).document()


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "where": problem.where,
        "what": problem.what,
        "mend": problem.mend,
    }


def _tell(verdict: dict[str, Any]) -> None:
    asks = "; ".join(
        f"{q['rule']}: {q['approvals']} of {', '.join(q['reviewers']) or 'nobody'}"
        for q in verdict["quorums"]
    )
    lines(
        [
            ("gate", verdict["gate"]),
            ("asks", asks or "nobody"),
            ("rules", ", ".join(verdict["rules"])),
            ("reasons", "; ".join(verdict["reasons"])),
            ("expires in", f"{verdict['expires']} s"),
            ("conflict", "the rules disagree; the strictest counts" if verdict["conflict"] else ""),
            ("policy", verdict["policy"]),
        ]
    )
    click.echo("trace")
    for trace in verdict["trace"]:
        values = ", ".join(f"{name} = {value}" for name, value in trace["values"].items())
        mark = "matched" if trace["matched"] else "no"
        error = f"  ! {trace['error']}" if "error" in trace else ""
        click.echo(f"  {trace['rule']:<20} {mark:<8} {safe(values)}{safe(error)}".rstrip())
