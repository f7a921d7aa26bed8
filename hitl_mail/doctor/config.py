"""The two configuration files: what is wrong with them, and with what they name on this machine."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

from hitl_mail import bootstrap
from hitl_mail.doctor.finding import Finding, fault, note, of_problem, ok, which_file
from hitl_mail.errors import ConfigError
from hitl_mail.home import Home
from hitl_mail.settings import Executor, Site


def check_files(home: Home) -> Iterator[Finding]:
    """Both files, with every problem; then what a good reviewer would say of the rules."""
    try:
        site, policy = bootstrap.load_config(home)
    except ConfigError as error:
        yield from map(of_problem, error.problems)
        return
    yield ok("config", f"hitl-mail.toml and rules.toml are sound ({len(policy.rules)} rules)")
    for problem in bootstrap.lint_policy(home, site, policy):
        yield note(which_file(problem), str(problem))


def check_users(home: Home, site: Site) -> Iterator[Finding]:
    """The OS users and the group that the site names; who shares one with whom."""
    found = [*_missing_users(site), *(note("users", text) for text in _shared(home, site))]
    yield from found or [ok("users", "agents, daemon and reviewers are OS users of their own")]


def _shared(home: Home, site: Site) -> Iterator[str]:
    mend = "docs/operations.md gives agents an OS user of their own"
    return (f"{text}. {mend}" for text in bootstrap.shared_users(home, site))


def _missing_users(site: Site) -> Iterator[Finding]:
    for name, person in site.people.items():
        if person.os_user is not None and not _known_user(person.os_user):
            yield fault(
                "users",
                f"people.{name}: there is no OS user {person.os_user} here, so {name} decides"
                " nothing at the command line",
                f"Mend os_user under [people.{name}], or take it out.",
            )
    for name, agent in site.agents.items():
        if agent.uid is not None and not _known_uid(agent.uid):
            yield fault(
                "users",
                f"agents.{name}: no OS user has the uid {agent.uid}, and files of any other are"
                " refused",
                f"Mend uid under [agents.{name}]: id -u USER.",
            )
    group = site.site.group
    if group is not None and not _known_group(group):
        yield fault("users", f"site.group: there is no OS group {group}", f"groupadd {group}")


def _known_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _known_uid(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _known_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def check_executors(home: Home, site: Site) -> Iterator[Finding]:
    """Whether what would carry actions out is there; nothing is run or asked."""
    found = [
        finding
        for name, executor in site.executors.items()
        for finding in _executor(home, name, executor)
    ]
    yield from found or [ok("executors", f"{len(site.executors)} that are there")]


def _executor(home: Home, name: str, executor: Executor) -> Iterator[Finding]:
    where = f"executors.{name}"
    for key, file in (("secret_file", executor.secret_file), ("cwd", executor.cwd)):
        if file is not None and not (home.root / file).exists():
            yield fault("executors", f"{where}.{key}: there is no {home.root / file}", "Make it.")
    if executor.type != "command" or not executor.argv:
        return
    program = executor.argv[0]
    if not _runnable(home.root / (executor.cwd or "."), program):
        yield fault(
            "executors",
            f"{where}: {program} is no program that the daemon can run",
            f"Name it by its whole path in argv under [{where}], and make it executable.",
        )


def _runnable(directory: Path, program: str) -> bool:
    if "/" in program:
        path = directory / program
        return path.is_file() and os.access(path, os.X_OK)
    return shutil.which(program) is not None
