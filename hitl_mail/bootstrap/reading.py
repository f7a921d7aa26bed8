"""Reading a home: its configuration, its open cases, its receipts. Writes nothing."""

from __future__ import annotations

import pwd
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_mail.errors import ConfigError, Problem, UsageError, mend_os
from hitl_mail.home import Home
from hitl_mail.settings import Site

if TYPE_CHECKING:
    from hitl_mail.adapters.receipts.anchors import Anchors
    from hitl_mail.adapters.receipts.lookup import Lookup
    from hitl_mail.core.records import State
    from hitl_mail.core.verdict import Door, Standing
    from hitl_mail.daemon.world import World
    from hitl_mail.policy.judge import Policy
    from hitl_mail.policy.model import Names, PolicyTest
    from hitl_mail.review.facts import SiteFacts
    from hitl_mail.review.sender import Belief
    from hitl_mail.review.tokens import Tokens

_GONE = "Restore it from a backup; hitl-mail init DIR makes one to begin with, in a new home."
_NO_JOURNAL = (
    "the journal is empty or gone, and only it knows whether later receipts are missing;"
    " restore state/journal from a backup"
)
_INDEX_MEND = (
    "The receipts themselves are right, and this index of them is not: stop the daemon and remove"
    " the index; the next start makes it anew"
)


def _nobody(file: Path) -> None:
    """Asks to be told of no file."""


def load_site(home: Home) -> Site:
    """`hitl-mail.toml`, checked. Raises `ConfigError` with every problem."""
    from hitl_mail.site import load_site as load

    return load(_text(home.site_file), home.site_file.name)


def load_config(
    home: Home, rules: Path | None = None, seen: Callable[[Path], None] = _nobody
) -> tuple[Site, Policy]:
    """Both files, or `rules` in the place of the home's `rules.toml`; `seen` as in `load_policy`.

    Raises `ConfigError` with every problem of the two.
    """
    try:
        site = load_site(home)
    except ConfigError as error:
        raise ConfigError([*error.problems, *_problems_of_rules(home, rules)]) from None
    return site, load_policy(home, site, rules, seen)


def _problems_of_rules(home: Home, rules: Path | None) -> list[Problem]:
    """What is wrong with the rules beside a site file that is not sound."""
    from hitl_mail.site import names_written

    try:
        names = names_written(_text(home.site_file), home.site_file.name)
    except ConfigError:
        # Which names there are is not known, and a rule is little else.
        return []
    try:
        load_policy(home, names, rules)
    except ConfigError as error:
        return error.problems
    return []


def load_policy(
    home: Home, site: Names, file: Path | None = None, seen: Callable[[Path], None] = _nobody
) -> Policy:
    """`rules.toml`, or another `file` in its place, checked and compiled. `seen` is called with it
    and with each schema that it names, before that is read.

    Raises `ConfigError` with every problem.
    """
    name = home.rules_file.name if file is None else str(file)
    seen(file or home.rules_file)
    text = _text(file or home.rules_file, "" if file else _GONE)
    return load_policy_text(home, site, text, name, seen)


def parse_rules(home: Home) -> None:
    """Whether `rules.toml` is there and TOML, which is quickly told. Raises `ConfigError`."""
    from hitl_mail.tables import Source

    Source(home.rules_file.name, _text(home.rules_file, _GONE))


def load_policy_text(
    home: Home, site: Names, text: str, name: str, seen: Callable[[Path], None] = _nobody
) -> Policy:
    """A policy for this home from its text; problems speak of the file `name`.

    Raises `ConfigError` with every problem.
    """
    from hitl_mail.policy.load import load_policy as load

    def read_schema(path: str) -> bytes:
        seen(home.root / path)
        return (home.root / path).read_bytes()

    return load(text, site, name, read_schema)


def read_rules(home: Home, name: str) -> tuple[str, str]:
    """The text of a rules file or of a kept policy, and what to call it.

    `name` is a path, or the digest of a policy that was used, or at least six characters of its
    beginning. Raises `UsageError` for what is neither, `ConfigError` for what cannot be read.
    """
    path = Path(name)
    if path.is_file():
        return _text(path), name
    begin = name.removeprefix("sha256:")
    kept = sorted(home.policies.glob("*.toml")) if home.policies.is_dir() else []
    found = [path for path in kept if len(begin) >= 6 and path.stem.startswith(begin)]
    if len(found) != 1:
        what = "several kept policies begin so" if found else "no such file and no kept policy"
        raise UsageError(
            f"{name}: {what}; name a rules file, or the digest that `status` and receipts show"
        )
    return _text(found[0]), f"sha256:{found[0].stem}"


def lint_policy(home: Home, site: Site, policy: Policy) -> list[Problem]:
    """What a good reviewer would raise about a policy that is sound."""
    from hitl_mail.policy.lints import lint, lint_site
    from hitl_mail.tables import Source

    owners = {name: agent.owner for name, agent in site.agents.items() if agent.owner}
    source = Source(home.site_file.name, _text(home.site_file))
    mailing = {name for name, executor in site.executors.items() if executor.type == "mail"}
    doors: dict[Door, Collection[str]] = {
        "mail": site.people,
        "link": site.people if site.web.base_url else (),
        "cli": [name for name, person in site.people.items() if person.os_user],
    }
    found = lint(policy, home.rules_file.name, owners, mailing, doors)
    return [*found, *lint_site(site.executors, site.groups, source)]


def load_tested(home: Home) -> tuple[Site, Policy, list[tuple[str, PolicyTest]]]:
    """Both files and the policy's tests: those in rules.toml, then those in `tests/*.toml` beside
    it, each with its file.

    Raises `ConfigError` with every problem of every file.
    """
    beside, problems = _tests_beside(home)
    try:
        site, policy = load_config(home)
    except ConfigError as error:
        raise ConfigError([*error.problems, *problems]) from None
    if problems:
        raise ConfigError(problems)
    return site, policy, [*((home.rules_file.name, test) for test in policy.tests), *beside]


def _tests_beside(home: Home) -> tuple[list[tuple[str, PolicyTest]], list[Problem]]:
    from hitl_mail.policy.tests import load_tests

    found: list[tuple[str, PolicyTest]] = []
    problems: list[Problem] = []
    for path in sorted((home.rules_file.parent / "tests").glob("*.toml")):
        name = f"tests/{path.name}"
        try:
            found.extend((name, test) for test in load_tests(_text(path), name))
        except ConfigError as error:
            problems.extend(error.problems)
    return found, problems


def site_facts(site: Site) -> SiteFacts:
    """What mails and pages show of a site."""
    from hitl_mail.review.facts import SiteFacts

    return SiteFacts(
        name=site.site.name,
        address=site.mail.address,
        subaddressing=site.mail.subaddressing,
        timezone=site.site.timezone,
        base_url=site.web.base_url,
        people={name: (p.mail, *p.aliases) for name, p in site.people.items()},
        trusted_sources={name: agent.trusted_sources for name, agent in site.agents.items()},
    )


def read_tokens(home: Home, site: Site) -> Tokens:
    """What tells the home's own reply addresses. Raises `UsageError` for an OS user who may not
    read its keys."""
    from hitl_mail.adapters.keys.keys import load_addresses
    from hitl_mail.review.tokens import Tokens

    return Tokens(site.mail.address, load_addresses(home.state)[::-1])


def read_belief(message: bytes, site: Site, tokens: Tokens) -> Belief:
    """What the daemon believes of a mail now. May ask the DNS, as the daemon would."""
    import asyncio
    import time

    from hitl_mail.adapters.dns_txt import DnsTxt
    from hitl_mail.daemon.believing import find_belief

    people = site_facts(site).people
    settings = site.mail.authentication
    return asyncio.run(find_belief(message, tokens, settings, people, DnsTxt(), time.time()))


def read_state(home: Home) -> State:
    """Open cases, read from the journal beside a daemon or without one."""
    from hitl_mail.adapters.journal.files import read_journal
    from hitl_mail.core.records import replay
    from hitl_mail.daemon.memory import collector_off

    with collector_off():
        return replay(read_journal(home.journal))


def read_receipts(home: Home) -> Lookup:
    """Finding closed cases, read-only."""
    from hitl_mail.adapters.receipts.book import open_lookup

    return open_lookup(home.state)


def past_receipts(home: Home, since: str = "") -> Iterator[dict[str, Any]]:
    """Every receipt in order, one in memory at a time, from the month of `since` (ISO 8601) on.

    A month's file may begin with receipts of before `since`. Raises `Damaged`.
    """
    from hitl_mail.adapters.receipts.book import receipts_directory
    from hitl_mail.adapters.receipts.files import read_from

    return read_from(receipts_directory(home.state), since[:7])


def sampling_keys(home: Home) -> tuple[bytes, ...]:
    """The keys that draw samples; none for an OS user who may not read them."""
    from hitl_mail.adapters.keys.keys import load_sampling

    try:
        return load_sampling(home.state)
    except (UsageError, OSError):
        return ()


def standing(home: Home, kind: str, case_id: str | None = None) -> Standing:
    """What the past says of a kind now, read beside the daemon; with the draw of a case."""
    from hitl_mail.core.sampling import draw
    from hitl_mail.core.typical import Typical
    from hitl_mail.core.verdict import Standing as At

    desk = read_state(home).desk
    keys = sampling_keys(home) if case_id is not None else ()
    drawn = draw(keys[-1], case_id) if keys and case_id is not None else None
    return At(drawn, desk.typical.get(kind, Typical()).medians(), desk.tightened)


def read_world(home: Home, site: Site, state: State) -> World:
    """What the daemon would know now of people and rules. Raises `ConfigError`."""
    import time

    from hitl_mail.core.sampling import draw
    from hitl_mail.daemon.world import World as Known

    keys = sampling_keys(home)
    policy = load_policy(home, site)
    # Without keys, the OS user may not know what is drawn: as if nothing were.
    return Known(
        site,
        policy,
        lambda: state.desk,
        lambda case_id: draw(keys[-1], case_id) if keys else 1.0,
        time.time,
    )


def verify_receipts(home: Home, anchors: Anchors | None = None) -> dict[str, Any]:
    """Whether every receipt is as it was sealed, and none is missing, nor any of `anchors`."""
    from hitl_mail.adapters.keys.keys import load_public_keys
    from hitl_mail.adapters.receipts.anchors import NO_ANCHORS
    from hitl_mail.adapters.receipts.book import index_path, receipts_directory
    from hitl_mail.adapters.receipts.compare import first_difference
    from hitl_mail.adapters.receipts.verify import Fault, verify
    from hitl_mail.core.desk import Desk
    from hitl_mail.core.sampling import check_draws

    keys = sampling_keys(home)
    state = read_state(home)
    head, running = state.desk.head, home.running()
    report = verify(
        receipts_directory(home.state),
        load_public_keys(home.state),
        (head.seq, head.digest) if head else None,
        running=running,
        anchors=anchors or NO_ANCHORS,
        audit=lambda receipt: check_draws(receipt, keys) if keys else None,
    )
    fault = report.fault
    if fault is None and report.count and not state.cases and state.desk == Desk():
        fault = Fault(report.count + 1, str(home.journal), _NO_JOURNAL)
    index = index_path(home.state)
    if fault is None and (
        other := first_difference(receipts_directory(home.state), index, running=running)
    ):
        fault = Fault(other.seq, str(index), f"{other.what}. {_INDEX_MEND}")
    return {
        "ok": fault is None,
        "count": report.count,
        "seq": report.head_seq,
        "digest": report.head_digest,
        "draws_checked": bool(keys),
        "unexplained": list(report.unexplained),
        "fault": {"seq": fault.seq, "file": fault.file, "what": fault.what} if fault else None,
    }


def shared_users(home: Home, site: Site) -> list[str]:
    """Where one OS user is more than one of agent, daemon and reviewer: nothing divides them."""
    daemon = home.state.stat().st_uid
    user = os_user(daemon)
    agents = sorted(
        name
        for name in home.spools(site)
        if name not in site.agents or site.agents[name].uid in (None, daemon)
    )
    people = sorted(name for name, person in site.people.items() if person.os_user == user)
    if not agents or not people:
        return []
    return [
        f"the OS user {user} runs the daemon, is {' and '.join(people)}, and may be the agent"
        f" {' or '.join(agents)}: nothing stops that agent from deciding at the command line"
    ]


def os_user(uid: int) -> str:
    """The name of an OS user, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _text(path: Path, gone: str = "") -> str:
    """A configuration file, to the byte; `gone` is the mend where it is not there.

    Raises `ConfigError`.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"not UTF-8 at byte {error.start}"
        raise ConfigError([Problem(path.name, None, "", what, "Save it as UTF-8.")]) from None
    except OSError as error:
        is_gone = isinstance(error, FileNotFoundError)
        what, mend = str(error.strerror), (gone if is_gone else "") or mend_os(error)
        raise ConfigError([Problem(str(path), None, "", what, mend)]) from None
