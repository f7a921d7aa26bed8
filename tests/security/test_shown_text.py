"""One life through which hostile text goes at every place, and everything that anybody is shown.

A marker with every dangerous character stands in every field; every output is walked, and none may
hold one of these characters as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.security.hostile import ALL, forged_lines, marked, opened_tags, raw
from tests.security.hostile_home import HostileHome, live, outputs
from tests.servers.process import free_port
from tests.servers.webhook import receiver

Outputs = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outputs]:
    root = tmp_path_factory.mktemp("hostile")
    with receiver() as hook:
        hook.says = marked("answer", ALL)
        home = HostileHome(root / "home", free_port(), hook.url)
        try:
            asked = live(home)
            yield outputs(home, asked)
        finally:
            if home.daemon is not None:
                home.daemon.kill()
                home.daemon.wait()


@pytest.mark.parametrize("where", ["mail", "page", "$", "file", "log"])
def test_no_dangerous_character_is_shown_as_it_is(shown: Outputs, where: str) -> None:
    """Control, bidi and zero-width characters are made visible wherever text is shown."""
    found = {name: sorted(raw(data)) for name, data in shown if name.startswith(where) and data}
    assert found, "nothing was shown at all"
    assert b"Mwhy" in dict(shown)["$ receipts export on a terminal"]
    assert {name: chars for name, chars in found.items() if chars} == {}


def test_no_line_break_begins_a_line_that_looks_like_ours(shown: Outputs) -> None:
    """CRLF in every field: no header, answer, log, terminal or plain mail gets a line by it."""
    # In a page and in a cell of a table a line may break: what is around it says whose it is.
    lines_of_ours = [(n, d) for n, d in shown if "csv" not in n and not n.endswith("/html")]
    found = {
        name: forged_lines(data)
        for name, data in lines_of_ours
        if not name.startswith("page") or "header" in name
    }
    assert any("header" in name for name in found)
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_no_text_opens_a_tag_or_is_a_link(shown: Outputs) -> None:
    """HTML is escaped on every page and in every mail, and no template reads what it is given."""
    html = [
        (name, data)
        for name, data in shown
        if name.endswith("/html") or (name.startswith("page") and "header" not in name)
    ]
    plain = [(name, data) for name, data in shown if name.endswith("text/plain")]
    assert len(html) > 60 and len(plain) > 20
    assert {name: tags for name, data in html if (tags := opened_tags(data))} == {}
    assert [
        name for name, data in (*html, *plain) if b"{{ 7" not in data and b"49 https" in data
    ] == []
    assert [name for name, data in plain if b"https://evil.example" in data] == []


FIELDS = (
    *("summary", "why", "title", "text", "source", "run", "valuemailed", "key", "item"),
    *("edited", "newkey", "new", "note", "routenote", "flagnote", "linknote", "typednote"),
    *("abandoned", "stdout", "stderr", "answer", "reason", "exception", "enum", "nonsense"),
    *("bounce", "absent", "program", "name", "toml", "field", "given"),
)


@pytest.mark.parametrize("field", FIELDS)
def test_the_field_is_shown_at_all(shown: Outputs, field: str) -> None:
    """Without this, the matrix could be empty where a field never reaches anybody."""
    mark = re.compile(rf"M{field}(?![a-z])".encode())
    assert [name for name, data in shown if mark.search(data)] != []
