"""`rules`: whether the policy is sound, and what it says of an action."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hitl_mail import bootstrap
from hitl_mail.cli.actions import read_action
from hitl_mail.cli.down import tell_queued
from hitl_mail.cli.drops import relax_by_file
from hitl_mail.cli.output import emit_json, json_option, lines, safe, table
from hitl_mail.cli.reader import Reader
from hitl_mail.cli.rules_diff import diff
from hitl_mail.cli.rules_history import replay, suggest
from hitl_mail.cli.seconds import timeout_option
from hitl_mail.core.duration import show_duration
from hitl_mail.errors import ConfigError, HitlError, Problem, UsageError
from hitl_mail.home import Home, find_home
from hitl_mail.policy.tests import Result, run_test
from hitl_mail.policy.variables import VARIABLES
from hitl_mail.settings import DEFAULT_AGENT


@click.group()
def rules() -> None:
    """Check the rules, ask what they say, and try them on the past."""


rules.add_command(replay)
rules.add_command(suggest)
rules.add_command(diff)


@rules.command()
@click.argument("name")
@timeout_option("How long to wait for the daemon.", 10.0)
@json_option
@click.pass_obj
def relax(home: str, name: str, timeout: float, as_json: bool) -> None:
    """Trust a rule again that was tightened because too many of its samples were flagged."""
    found = find_home(home)
    if not found.running():
        # What a daemon would refuse is told now: nobody would read its answer later.
        bootstrap.load_site(found).person_of_os_user(bootstrap.os_user(os.getuid()))
        tight = bootstrap.read_state(found).desk.tightened
        if name not in tight:
            named = f"; tightened are {', '.join(sorted(tight))}" if tight else "; no rule is"
            raise UsageError(f"the rule {name} is not tightened{named}. See: hitl-mail status")
    answer = relax_by_file(found, name, timeout)
    if answer is not None and not answer["ok"]:
        raise HitlError(f"relax {name}: {answer['detail']}. See: hitl-mail status")
    if as_json:
        emit_json({"rule": name, "queued": answer is None})
    elif answer is None:
        tell_queued(f"relax {safe(name)}")
    else:
        click.echo(f"{safe(name)} is relaxed by {answer['by']}")


@rules.command()
@json_option
@click.pass_obj
def check(home: str, as_json: bool) -> None:
    """Check hitl-mail.toml, then rules.toml and the tests beside it.

    Prints every problem at once, with its line and what to do. Exit 2 if there is one. Lints are
    what a good reviewer of policy would raise; they do not fail.
    """
    found = find_home(home)
    problems: Sequence[Problem] = ()
    lints: Sequence[Problem] = ()
    digest = None
    try:
        site, policy, _ = bootstrap.load_tested(found)
        digest = policy.digest
        lints = bootstrap.lint_policy(found, site, policy)
    except ConfigError as error:
        problems = error.problems
    if as_json:
        emit_json(
            {
                "ok": not problems,
                "policy": digest,
                "problems": [_problem(problem) for problem in problems],
                "lints": [_problem(found) for found in lints],
            }
        )
        raise SystemExit(2 if problems else 0)
    if problems:
        raise ConfigError(list(problems))
    for raised in lints:
        click.echo(f"lint: {safe(raised, 2000)}")
    click.echo(f"The rules are sound: {digest}")


@rules.command()
@json_option
@click.pass_obj
def test(home: str, as_json: bool) -> None:
    """Run the [[tests]] of rules.toml and of tests/*.toml beside it. Exit 1 if one differs."""
    found = find_home(home)
    site, policy, tests = bootstrap.load_tested(found)
    results = [(file, run_test(policy, one, DEFAULT_AGENT, site.excluded)) for file, one in tests]
    failed = [result for _, result in results if result.differences]
    if as_json:
        emit_json(
            {
                "ok": not failed,
                "tests": [_tested(file, result) for file, result in results],
            }
        )
    else:
        for file, result in results:
            _tell_differences(file, result)
        click.echo(f"{len(results)} tests, {len(failed)} differ")
    raise SystemExit(1 if failed else 0)


@rules.command()
@click.argument("target", metavar="FILE|ID", required=False)
@click.option("--agent", default=DEFAULT_AGENT, metavar="NAME", help="Whose action it would be.")
@click.option("--variables", is_flag=True, help="List what a condition may speak of.")
@json_option
@click.pass_obj
def explain(home: str, target: str | None, agent: str, variables: bool, as_json: bool) -> None:
    """What the rules say of an action, and why.

    Of an action FILE that nobody has submitted yet, or of the case ID, as it was judged.
    """
    if variables:
        _tell_variables(as_json)
        return
    if target is None:
        raise UsageError("name an action file or a case, or ask for --variables")
    found = find_home(home)
    path, reader = Path(target), Reader(found)
    if path.is_file():
        verdict = _judge(found, path, agent)
    elif path.suffix in (".json", ".toml") and not reader.knows(target):
        raise UsageError(f"{target}: no such file, and no case of that name; name an action file")
    else:
        verdict = reader.show(target)["verdict"]
    if as_json:
        emit_json(verdict)
    else:
        _tell(verdict)


def _judge(home: Home, path: Path, agent: str) -> dict[str, Any]:
    site, policy = bootstrap.load_config(home)
    if agent not in home.spools(site):
        raise UsageError(f"no agent {agent}; there are {', '.join(sorted(home.spools(site)))}")
    message, _ = read_action(str(path))
    excluded = site.excluded(agent, message.requested_by)
    standing = bootstrap.standing(home, message.kind)
    return policy.judge(message, agent, excluded, standing=standing).document()


def _tested(file: str, result: Result) -> dict[str, Any]:
    return {
        "file": file,
        "name": result.test.name,
        "ok": not result.differences,
        "differences": [difference._asdict() for difference in result.differences],
    }


def _tell_differences(file: str, result: Result) -> None:
    if result.differences:
        click.echo(f"{safe(file)}: {safe(result.test.name)}")
    for field, expected, actual in result.differences:
        click.echo(f"  {safe(field)}: expected {safe(_plain(expected))}, is {safe(_plain(actual))}")


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if value is None:
        return "not drawn"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tell_variables(as_json: bool) -> None:
    rows = [{"name": name, **variable._asdict()} for name, variable in VARIABLES.items()]
    if as_json:
        emit_json(rows)
    else:
        columns = ("name", "type", "meaning", "example")
        table(columns, [[row[column] for column in columns] for row in rows])


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
            ("expires in", show_duration(verdict["expires"])),
            ("conflict", "the rules disagree; the strictest counts" if verdict["conflict"] else ""),
            ("policy", verdict["policy"]),
        ]
    )
    click.echo("trace")
    for trace in verdict["trace"]:
        values = ", ".join(f"{name} = {value}" for name, value in trace["values"].items())
        mark = "matched" if trace["matched"] else "no"
        error = f"  ! {trace['error']}" if "error" in trace else ""
        click.echo(f"  {safe(trace['rule']):<20} {mark:<8} {safe(values)}{safe(error)}".rstrip())
