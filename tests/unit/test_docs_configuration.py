"""docs/configuration.md: a line for every key of both files, with its default, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
import pytest

from hitl_mail import settings
from hitl_mail.core.duration import show_duration
from hitl_mail.errors import ConfigError
from hitl_mail.policy import model
from hitl_mail.site import load_site
from tests.acceptance.pages import section

PAGE = (Path(__file__).parents[2] / "docs/configuration.md").read_text("utf-8")
TABLES: dict[type[msgspec.Struct], str] = {
    settings.SiteTable: "Site",
    settings.MailTable: "Mail",
    settings.Smtp: "`[mail.smtp]`",
    settings.Imap: "`[mail.imap]`",
    settings.Authentication: "`[mail.authentication]`",
    settings.Web: "Web",
    settings.Person: "People and groups",
    settings.Agent: "Agents",
    settings.Executor: "Executors",
    settings.Limits: "Limits and store",
    settings.StoreTable: "Limits and store",
    model.PolicyTable: "Policy",
    model.Kind: "Kinds",
    model.Rule: "Rules",
    model.PolicyTest: "Tests",
    model.Expect: "Tests",
}
IN_A_LINE = (settings.Away, model.ExceptionTable, model.Tighten, model.Escalate)
"""Small tables, written in one line: an example in the page names all their keys."""

REQUIRED = {
    (settings.SiteTable, "admins"),
    *((settings.Executor, key) for key in ("argv", "url", "from")),
}
"""What the struct does not demand, and `hitl_mail.site` does, always or of one type."""


def rows(shape: type[msgspec.Struct]) -> dict[str, list[str]]:
    """The lines of the page about one struct, by key: the first table with all its keys."""
    text = section(PAGE, TABLES[shape]).partition("\n### ")[0]
    found = [
        {
            key: [cell.strip() for cell in rest.strip().strip("|").split("|")]
            for key, rest in re.findall(r"^\| `(\w+)` (\|.*)$", table, re.MULTILINE)
        }
        for table in re.split(r"^\| key .*$", text, flags=re.MULTILINE)[1:]
    ]
    wanted = {field.encode_name for field in msgspec.structs.fields(shape)}
    return max(found, key=lambda table: len(table.keys() & wanted) / len(table.keys() | wanted))


def default(shape: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> str:
    """What stands in the column of defaults."""
    if field.required or (shape, field.encode_name) in REQUIRED:
        return "required"
    made = field.default_factory is not msgspec.NODEFAULT
    value = field.default_factory() if made else field.default  # type: ignore[operator]
    return "" if value is None else f"`{written(field.type, value)}`"


def written(kind: Any, value: Any) -> str:
    if get_origin(kind) is Annotated and "duration" in get_args(kind):
        return f'"{show_duration(value)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(written(None, one) for one in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def literals(kind: Any) -> set[str]:
    """The values that a field may have, or a list in it, where they are counted up."""
    parts = [kind, *get_args(kind)]
    return {str(one) for part in parts if get_origin(part) is Literal for one in get_args(part)}


@pytest.mark.parametrize("shape", TABLES, ids=lambda shape: shape.__name__)
def test_every_key_has_a_line_with_its_default(shape: type[msgspec.Struct]) -> None:
    fields = [
        field
        for field in msgspec.structs.fields(shape)
        if field.type not in TABLES or field.required
    ]
    lines = rows(shape)
    column = 2 if shape is settings.Executor else 1
    assert set(lines) == {field.encode_name for field in fields}
    assert {field.encode_name: lines[field.encode_name][column] for field in fields} == {
        field.encode_name: default(shape, field) for field in fields
    }
    for field in fields:
        named = set(re.findall(r"\w+", " ".join(lines[field.encode_name])))
        assert literals(field.type) <= named, field.encode_name


def test_every_table_of_both_files_is_there() -> None:
    files = (settings.Site, model.RulesFile)
    names = {field.encode_name for file in files for field in msgspec.structs.fields(file)}
    assert [name for name in names if f"[{name}" not in PAGE] == []


@pytest.mark.parametrize("shape", IN_A_LINE, ids=lambda shape: shape.__name__)
def test_a_table_in_one_line_is_shown_with_all_its_keys(shape: type[msgspec.Struct]) -> None:
    keys = {field.encode_name for field in msgspec.structs.fields(shape)}
    shown = [set(re.findall(r"(\w+) =", line)) for line in re.findall(r"`\{ (.*?) \}`", PAGE)]
    assert keys in shown


def uses(kind: str, key: str) -> bool:
    """Whether an executor of this type may have this key."""
    text = f'[executors.x]\ntype = "{kind}"\n{key} = "x"\n' if key != "type" else ""
    try:
        load_site(text)
    except ConfigError as error:
        return not any("has no use for" in problem.what for problem in error.problems)
    return True


def test_an_executors_keys_are_told_for_the_types_that_use_them() -> None:
    types = ("command", "http", "mail", "agent")
    for key, cells in rows(settings.Executor).items():
        told = types if cells[0] == "all" else tuple(cells[0].split(", "))
        assert told == tuple(kind for kind in types if uses(kind, key)), key


def test_every_block_of_the_page_loads() -> None:
    [block] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    site = load_site(f'[site]\nadmins = ["ada"]\n[people.ada]\nmail = "ada@example.com"\n{block}')
    assert site.executor("agent").timeout == 900
