"""rules.toml, read whole: every problem at once with its line, or a `Policy` ready to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hitl_mail.core.action import EFFECT, KIND, Action
from hitl_mail.core.canonical import digest_bytes
from hitl_mail.core.events import AGENT_EXECUTOR
from hitl_mail.core.quorum import members
from hitl_mail.core.text import one_line, visible
from hitl_mail.core.verdict import ADMINS
from hitl_mail.errors import ConfigError, Problem
from hitl_mail.policy.findings import Ready
from hitl_mail.policy.judge import Policy
from hitl_mail.policy.model import (
    RESERVED,
    Kind,
    Names,
    PolicyTable,
    Rule,
    RulesFile,
)
from hitl_mail.policy.obligations import faults
from hitl_mail.policy.schema import PayloadSchema
from hitl_mail.policy.source import unregistered
from hitl_mail.policy.templates import placeholders
from hitl_mail.policy.tests import check_tests
from hitl_mail.policy.variables import OPTIONAL, VARIABLES
from hitl_mail.tables import Source, nearest, read_table
from hitl_mail.tables.lines import Path

if TYPE_CHECKING:
    from hitl_mail.policy.conditions import Condition

ReadSchema = Callable[[str], bytes]
"""Reads a file that a kind names, relative to the home. May raise OSError."""

REQUIRABLE = ("why", "context", "attachments", "labels", "payload", *OPTIONAL)

TITLE_NAMES = ("kind", "payload", *(name for name in OPTIONAL if name != "why"))
"""What a title may show: what would run and its numbers, never the agent's own story."""

LONGEST_NAME = 64


def load_policy(text: str, names: Names, file: str, read_schema: ReadSchema) -> Policy:
    """The policy that `text` holds, for a site with these people, groups and executors.

    Raises `ConfigError` with all that is wrong with it. `text` must be the file's bytes decoded
    and nothing else: their digest names the policy. Load again when `names` change.
    """
    source = Source(file, text)
    check = _Check(source, names, read_schema)
    head = {key: value for key, value in source.data.items() if key != "rules"}
    table = read_table(RulesFile, head, (), source, check.problems) or RulesFile()
    check.policy(table.policy)
    kinds = {name: (kind, check.kind(name, kind)) for name, kind in table.kinds.items()}
    rules = check.rules(source.data.get("rules", []), table.policy)
    check.problems.extend(check_tests(source))
    if check.problems:
        found = [*check.problems, *check.strangers]
        raise ConfigError(sorted(found, key=lambda problem: problem.line or 0))
    from hitl_mail.policy.conditions import plan

    wanted = plan(condition for ready in rules for condition in (ready.when, *ready.triggers))
    digest = digest_bytes(text.encode())
    return Policy(text, digest, table.policy, kinds, rules, wanted, names, table.tests)


def _stood_in(table: dict[str, Any]) -> dict[str, Any]:
    """The table of a rule, something in the place of a name and a condition that are no text."""
    wrong = (key for key in ("name", "when") if not isinstance(table.get(key), str))
    return {**table, **dict.fromkeys(wrong, "x")}


class _Check:
    """Collects what is wrong with one file, and what is compiled on the way."""

    def __init__(self, source: Source, names: Names, read_schema: ReadSchema) -> None:
        self.source = source
        self.names = names
        self.members = names.members()
        self.groups = [name for name in self.members if name != ADMINS]
        self.read_schema = read_schema
        self.problems: list[Problem] = []
        self.strangers: list[Problem] = []
        """Kinds that rules name and nobody registered: a rule may mean it so, and where nothing
        else is wrong they are raised as lints; beside problems they are likely more of the same."""

    def problem(self, path: Path, what: str, mend: str = "") -> None:
        self.problems.append(self.source.problem(path, what, mend))

    def policy(self, table: PolicyTable) -> None:
        path, names = ("policy", "reviewers"), table.reviewers
        if names is not None and self.people(names, path) and not members(names, self.members):
            self.problem(path, "nobody is in these groups", "Add people to one of them.")

    def kind(self, name: str, kind: Kind) -> PayloadSchema | None:
        path = ("kinds", name)
        if not KIND.fullmatch(name):
            mend = f'Write [kinds."{name}"]? A dotted name goes in quotes, like "payment.refund".'
            self.problem(path, "not a kind's name", mend)
        for index, effect in enumerate(kind.effects):
            if not EFFECT.fullmatch(effect):
                mend = "An effect is a word such as money or external."
                self.problem((*path, "effects", index), f'"{effect}" is no effect', mend)
        for index, wanted in enumerate(kind.requires):
            root = wanted.split(".")[0]
            if root not in REQUIRABLE or (wanted != root and root not in ("payload", "labels")):
                what = f'an action has no "{wanted}"'
                mend = nearest(wanted, (*REQUIRABLE, "payload.amount"))
                self.problem((*path, "requires", index), what, mend)
        if kind.title is not None:
            self.template(kind.title, (*path, "title"), TITLE_NAMES)
        if kind.executor is not None and kind.executor not in (
            *self.names.executors,
            AGENT_EXECUTOR,
        ):
            mend = nearest(kind.executor, (*self.names.executors, AGENT_EXECUTOR))
            self.problem((*path, "executor"), f'no executor "{kind.executor}"', mend)
        return self.schema(kind.schema, (*path, "schema")) if kind.schema is not None else None

    def schema(self, name: str, path: Path) -> PayloadSchema | None:
        try:
            return PayloadSchema(self.read_schema(name))
        except OSError as error:
            what = f'"{name}" cannot be read: {error.strerror or error}'
            self.problem(path, what, "The path starts at the home directory.")
        except ValueError as error:
            self.problem(path, f'"{name}" is {error}')
        return None

    def rules(self, tables: Any, policy: PolicyTable) -> list[Ready]:
        if not isinstance(tables, list):
            self.problem(
                ("rules",), "must be a list of tables", "Write [[rules]], twice bracketed."
            )
            return []
        compiled: list[Ready] = []
        first: dict[str, int] = {}
        for index, table in enumerate(tables):
            path = ("rules", index)
            if not isinstance(table, dict):
                self.problem(path, "must be a table", "Write [[rules]].")
                continue
            self.rule_name(table.get("name"), path, first)
            self.shut(table, path)
            rule = read_table(Rule, table, path, self.source, self.problems)
            # What is wrong with its name or condition is told; the rest is looked at all the same.
            rule = rule or read_table(Rule, _stood_in(table), path, self.source, [])
            when = self.condition(table.get("when"), (*path, "when"))
            if when is not None:
                for told in unregistered(when.source, self.source.data.get("kinds", {})):
                    self.strangers.append(self.source.problem((*path, "when"), *told))
            triggers = self.exceptions(table.get("exceptions"), (*path, "exceptions"))
            if rule is not None:
                self.rule(rule, path, policy)
                for fault in faults(rule, table, policy.expires):
                    self.problem((*path, *fault.path), fault.what, fault.mend)
                if when is not None:
                    compiled.append(Ready(rule, when, triggers))
        return compiled

    def exceptions(self, tables: Any, path: Path) -> tuple[Condition, ...]:
        """The conditions of an exception's triggers; what is no table is told elsewhere."""
        compiled = []
        for index, table in enumerate(tables if isinstance(tables, list) else ()):
            if not isinstance(table, dict):
                continue
            where = (*path, index)
            compiled.append(self.condition(table.get("when"), (*where, "when")))
            if isinstance(table.get("reason"), str):
                self.template(table["reason"], (*where, "reason"), VARIABLES)
        return tuple(condition for condition in compiled if condition is not None)

    def rule_name(self, name: Any, path: Path, first: dict[str, int]) -> None:
        if not isinstance(name, str):
            return
        where = (*path, "name")
        if name in first:
            self.problem(where, f'a second rule "{name}"', f"The first is on line {first[name]}.")
        elif name in RESERVED:
            self.problem(where, f'"{name}" has a meaning of its own', "Choose another name.")
        elif not 0 < len(name) <= LONGEST_NAME or name.strip() != visible(name, keep=""):
            what = f'"{one_line(name)}" is no name'
            self.problem(where, what, f"Use 1 to {LONGEST_NAME} letters that can be seen.")
        first.setdefault(name, self.source.line(where))

    def shut(self, table: dict[str, Any], path: Path) -> None:
        """What no rule may say."""
        if table.get("doors") == []:
            self.problem((*path, "doors"), "no door is left", "Leave it out, or name one.")

    def condition(self, when: Any, path: Path) -> Condition | None:
        from hitl_mail.policy.conditions import Uncompilable, compile_condition

        if not isinstance(when, str):
            return None
        try:
            return compile_condition(when)
        except Uncompilable as error:
            for flaw in error.flaws:
                self.problem(path, flaw.what, flaw.mend)
            return None

    def rule(self, rule: Rule, path: Path, policy: PolicyTable) -> None:
        if rule.reason is not None:
            self.template(rule.reason, (*path, "reason"), VARIABLES)
        known = True
        if rule.reviewers is not None:
            known = self.people(rule.reviewers, (*path, "reviewers"))
        elif policy.reviewers is not None:
            known = all(self.is_known(name) for name in policy.reviewers)
        if known:
            self.quorum(rule, rule.reviewers or policy.reviewers or (ADMINS,), path)
        self.people(rule.route_to, (*path, "route_to"), may_be_empty=True)
        if rule.escalate is not None:
            self.people(rule.escalate.to, (*path, "escalate", "to"))

    def quorum(self, rule: Rule, refs: tuple[str, ...], path: Path) -> None:
        people = members(refs, self.members)
        if len(people) < rule.approvals:
            many = "1 approval" if rule.approvals == 1 else f"{rule.approvals} approvals"
            others = f"only {len(people)}" if people else "nobody"
            what = f"needs {many}, but has {others} to ask"
            where = (*path, "approvals" if rule.approvals > 1 else "reviewers")
            self.problem(where, what, "Add people to the group, or lower approvals.")

    def people(self, names: Iterable[str], path: Path, may_be_empty: bool = False) -> bool:
        """Whether these are names of people and groups; each that is not is a problem."""
        names = tuple(names)
        if not names and not may_be_empty:
            self.problem(path, "names nobody", "Leave it out, or name a person or a group.")
        for index, name in enumerate(names):
            if not self.is_known(name):
                mend = nearest(name, (*self.names.people, *self.groups))
                self.problem((*path, index), f'no person and no group "{name}"', mend)
        return bool(names) and all(self.is_known(name) for name in names)

    def is_known(self, name: str) -> bool:
        return name in self.names.people or name in self.groups

    def template(self, text: str, path: Path, known: Iterable[str]) -> None:
        known = tuple(known)
        try:
            asked = placeholders(text)
        except ValueError as error:
            self.problem(path, str(error))
            return
        for name in asked:
            if name.split(".")[0] not in known:
                mend = nearest(name, known)
                if not mend.startswith("Did") and name not in Action.__struct_fields__:
                    # An agent's own field, most likely, written as its arguments are called.
                    mend = f"Did you mean {{payload.{name}}}? {mend}"
                self.problem(path, f"{{{name}}} cannot be shown here", mend)
