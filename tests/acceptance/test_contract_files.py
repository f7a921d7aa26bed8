"""What an agent may drop, what is refused and how, and what a name stands for."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.home import SITE, TestHome, label, refund, until


def _payload(inside: str) -> bytes:
    return f'{{"kind":"crm.label","summary":"s","payload":{{{inside}}}}}'.encode()


def _toml(payload: str) -> bytes:
    return f'kind = "crm.label"\nsummary = "s"\n[payload]\n{payload}\n'.encode()


def _bytes(**changes: Any) -> bytes:
    return json.dumps(label(**changes)).encode()


# The code and the field of the refusal of each file.
REFUSED: dict[str, tuple[bytes, str, str | None]] = {
    "nan.json": (_payload('"x":NaN'), "bad_number", None),
    "huge.json": (_payload('"x":1e400'), "bad_number", "payload.x"),
    "integer.json": (_payload('"x":9007199254740992'), "bad_number", "payload.x"),
    "negative.json": (_payload('"x":-9007199254740992'), "bad_number", "payload.x"),
    "surrogate.json": (_payload('"x":"\\ud800"'), "bad_string", "payload.x"),
    "surrogate-key.json": (_payload('"\\udc00":1'), "bad_string", "payload"),
    "twice.json": (b'{"kind":"a","kind":"b"}', "duplicate_key", "kind"),
    "twice-inside.json": (_payload('"x":{"a":1,"a":1}'), "duplicate_key", "a"),
    "half.json": (_bytes()[:-5], "malformed", None),
    "empty.json": (b"", "malformed", None),
    "list.json": (b"[]", "malformed", None),
    "two.json": (_bytes() * 2, "malformed", None),
    "latin.json": (b'{"kind":"\xff"}', "not_utf8", None),
    "utf16.json": (_bytes().decode().encode("utf-16"), "not_utf8", None),
    "large.json": (_payload('"x":"' + "a" * (1 << 20) + '"'), "too_large", None),
    "typo.json": (_bytes(efects=[]), "unknown_field", "efects"),
    "agent.json": (_bytes(agent="billing"), "unknown_field", "agent"),
    "no-kind.json": (b'{"payload":{},"summary":"s"}', "missing_field", "kind"),
    "no-payload.json": (b'{"kind":"a","summary":"s"}', "missing_field", "payload"),
    "no-summary.json": (b'{"kind":"a","payload":{}}', "missing_field", "summary"),
    "payload.json": (_bytes(payload=[]), "bad_value", "payload"),
    "long.json": (_bytes(summary="s" * 201), "bad_value", "summary"),
    "lines.json": (_bytes(summary="s\nt"), "bad_value", "summary"),
    "case-id.json": (_bytes(id="261122-k3f9ma"), "bad_value", "id"),
    "long-id.json": (_bytes(id="i" * 65), "bad_value", "id"),
    "261122-k3f9ma.json": (_bytes(), "bad_value", "id"),
    "sp ace.json": (_bytes(), "bad_value", "id"),
    "sure.json": (_bytes(confidence=1.5), "bad_value", "confidence"),
    "true.json": (_bytes(cost=True), "bad_value", "cost"),
    "soon.json": (_bytes(expires="soon"), "bad_value", "expires"),
    "context.json": (_bytes(context=[{"title": "t"}]), "missing_field", "context[0].text"),
    "base64.json": (
        _bytes(attachments=[{"name": "a", "content_type": "text/plain", "base64": "%"}]),
        "bad_value",
        "attachments[0].base64",
    ),
    "climb.json": (
        _bytes(attachments=[{"name": "../a", "content_type": "text/plain", "base64": ""}]),
        "bad_value",
        "attachments[0].name",
    ),
    "self.json": (_bytes(supersedes="self"), "bad_value", "supersedes"),
    "later.json": (_bytes(supersedes="nobody"), "unknown", "supersedes"),
    "cancel.json": (b'{"cancel":"nobody"}', "unknown", "cancel"),
    "date.toml": (_toml("x = 2026-01-01"), "bad_value", "payload.x"),
    "time.toml": (_toml("x = 10:00:00"), "bad_value", "payload.x"),
    "nan.toml": (_toml("x = nan"), "bad_number", "payload.x"),
    "twice.toml": (_toml("x = 1\nx = 2"), "malformed", None),
    "a..b.json": (_bytes(), "bad_name", None),
    "..hidden.json": (_bytes(), "bad_name", None),
}

DEEP = "payload.x" + "[0]" * 14

TAKEN: dict[str, bytes] = {
    "deep.json": _payload('"x":' + "[" * 13 + "]" * 13),
    "largest.json": _payload('"x":9007199254740991'),
    "pair.json": _payload('"x":"\\ud83d\\ude00"'),
    "two-hundred.json": _bytes(summary="s" * 200),
    "table.toml": _toml('x = 1\ny = [1.5, "a"]'),
    "claims.json": _bytes(context=[{"title": "t", "text": "x", "source": "web", "trust": True}]),
}


def _odd(new: Path, outside: Path) -> None:
    outside.write_text(json.dumps(label()))
    (new / "directory.json").mkdir()
    os.mkfifo(new / "pipe.json")
    (new / "symlink.json").symlink_to(outside)
    (new / "dangling.json").symlink_to("/nonexistent")
    (new / "hard.json").hardlink_to(outside)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(new / "socket.json"))


def test_each_bad_file_is_refused_with_its_code_and_field_and_kept(home: TestHome) -> None:
    for name, (data, _, _) in REFUSED.items():
        home.drop(data, name)
    home.drop(_payload('"x":' + "[" * 15 + "]" * 15), "deeper.json")
    for name, data in TAKEN.items():
        home.drop(data, name)
    for name in TAKEN:
        assert home.await_result(name.rsplit(".", 1)[0])["status"] == "executed"

    def reason(name: str) -> tuple[str, str | None]:
        found = until(lambda: home.refusal(name), f"refusal of {name}")
        assert set(found) == {"error", "detail", "field"}
        return found["error"], found["field"]

    expected = {name: (code, field) for name, (_, code, field) in REFUSED.items()}
    assert {name: reason(name) for name in REFUSED} == expected
    half = "Write it to tmp/, then rename it into new/"
    assert half in (home.refusal("half.json") or {})["detail"]
    assert half not in (home.refusal("two.json") or {})["detail"]
    assert reason("deeper.json") == ("too_deep", DEEP)
    kept = {name: (home.root / "spool/refused" / name).read_bytes() for name in REFUSED}
    assert kept == {name: data for name, (data, _, _) in REFUSED.items()}


def test_what_is_no_file_of_its_own_is_never_followed(quiet_home: TestHome, tmp_path: Path) -> None:
    home, outside = quiet_home, tmp_path / "outside.json"
    _odd(home.root / "spool/new", outside)
    home.once()
    codes = {
        path.name.removesuffix(".error.json"): json.loads(path.read_text())["error"]
        for path in (home.root / "spool/refused").glob("*.error.json")
    }
    odd = ("directory", "pipe", "symlink", "dangling", "socket")
    assert codes == {"hard.json": "linked"} | {f"{name}.json": "not_a_file" for name in odd}
    assert (json.loads(outside.read_text()), home.ran()) == (label(), [])


def test_refusals_of_one_name_are_numbered(quiet_home: TestHome) -> None:
    for data in (b"{", b"{{"):
        quiet_home.drop(data, "half.json")
        quiet_home.once()
    refused = quiet_home.root / "spool/refused"
    names = ["half.json", "half.json.1", "half.json.1.error.json", "half.json.error.json"]
    assert sorted(path.name for path in refused.iterdir()) == names
    assert (refused / "half.json.1").read_bytes() == b"{{"


def test_one_action_is_one_case_in_whatever_form_and_order(quiet_home: TestHome) -> None:
    home = quiet_home
    for number in range(3):
        home.drop(label(id="same"), f"{number}.json")
    home.once()
    first = home.result("same")
    (home.root / "spool/results/same.json").unlink()
    home.drop(dict(reversed(list(label(id="same").items()))), "reversed.json")
    home.once()
    assert home.result("same") == first
    home.drop(_toml("x = 1").replace(b'"s"', b'"Label a contact"'), "same.toml")
    home.drop(label(), "same.json", spool="spool/billing")
    home.once()
    other = home.result("same", "spool/billing")
    assert len(home.ran()) == 2
    assert first is not None
    assert other is not None
    assert first["case"] != other["case"]


def test_a_case_answers_to_its_id_its_agents_and_its_ends(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(refund(), "same.json")
    home.drop(refund(), "same.json", spool="spool/billing")
    home.once()
    cases = {row["agent"]: row["case"] for row in home.json("queue")}
    case = cases["billing"]
    for name in (case, "billing/same", case[-4:], case[:11]):
        assert home.json("show", name)["case"] == case
    for name in ("same", case[:6], case[-3:], case[2:9], "nobody"):
        refused = home.cli("cancel" if name == "nobody" else "approve", name)
        assert (refused.returncode, refused.stdout) != (0, ""), name
    assert [row["status"] for row in home.json("queue")] == ["pending", "pending"]


def test_an_agents_id_that_is_a_part_of_another_case_decides_neither(home: TestHome) -> None:
    """An agent chooses its ids: it must not get the approval that is meant for another case."""
    meant = home.case_of(home.drop(refund()))
    part = meant[-4:]
    home.drop(refund(id=part))
    other = home.case_of(part)
    for command in ("approve", "reject"):
        done = home.cli(command, part)
        assert (done.returncode, done.stdout) == (2, "")
        assert all(case in done.stderr for case in (meant, other))
    assert home.cli("receipts", "erase", part).returncode == 2
    assert home.json("show", part)["case"] == other
    assert [row["status"] for row in home.json("queue")] == ["pending"] * 2
    done = home.cli("reject", f"default/{part}")
    assert "cleo is not one of its reviewers" in done.stderr


def test_a_later_action_replaces_an_earlier_one_that_has_not_started(quiet_home: TestHome) -> None:
    home = quiet_home
    home.drop(refund(), "first.json")
    home.drop(label(), "ran.json")
    home.once()
    old = home.mails("ada@example.com")[0]
    home.drop(refund(supersedes="first"), "second.json")
    home.drop(label(supersedes="ran"), "third.json")
    home.drop(label(supersedes="second"), "fourth.json", spool="spool/billing")
    home.once()
    home.reply(old, "approve", "ada@example.com")
    home.once()
    first, third = home.result("first"), home.refusal("third.json")
    assert first is not None
    assert first["status"] == "canceled"
    assert third is not None
    assert (third["error"], third["field"]) == ("supersedes_started", "supersedes")
    assert home.refusal("fourth.json", "spool/billing") is not None
    assert home.json("show", "second")["status"] == "pending"


def test_an_agent_at_its_limit_can_still_cancel_and_report(
    make_home: Callable[..., TestHome],
) -> None:
    home = make_home(site=SITE + "\n[limits]\nwaiting = 2\n")
    home.drop(label(kind="self.run"), "permit.json")
    home.once()
    home.drop(refund(), "asked.json")
    home.once()
    for number in range(3):
        home.drop(label(), f"more{number}.json")
    home.once()
    assert home.result("more0") is None
    permit = home.result("permit")
    assert permit is not None
    report = {"report": permit["case"], "permit": permit["permit"]["token"]}
    home.drop({**report, "outcome": {"ok": True}})
    home.drop({"cancel": "asked"})
    home.once()
    found = {name: home.result(name) for name in ("permit", "asked", "more0", "more1", "more2")}
    assert {name: result and result["status"] for name, result in found.items()} == {
        "permit": "executed",
        "asked": "canceled",
        **dict.fromkeys(("more0", "more1", "more2"), "executed"),
    }


def test_an_agents_own_id_needs_no_full_name_where_the_agent_is_named(
    quiet_home: TestHome,
) -> None:
    home = quiet_home
    home.drop(refund(), "same.json")
    home.drop(refund(), "same.json", spool="spool/billing")
    home.once()
    assert home.cli("cancel", "same").returncode == 2
    assert home.cli("cancel", "same", "--agent", "billing").returncode == 0
    assert home.cli("wait", "same", "--agent", "other", "--timeout", "0").returncode == 2
    home.once()
    assert home.cli("wait", "same", "--agent", "billing", "--timeout", "0").returncode == 7
    assert home.cli("wait", "same", "--agent", "default", "--timeout", "0").returncode == 9
    assert home.cli("wait", "billing/new", "--timeout", "0").returncode == 9
    assert home.cli("wait", "same", "--timeout", "-1").returncode == 2


def test_files_that_waited_for_the_daemon_count_in_the_order_they_were_written(
    quiet_home: TestHome,
) -> None:
    home = quiet_home
    chain = ["q", "x", "g", "a", "r", "m"]
    for number, name in enumerate(chain):
        earlier = {"supersedes": chain[number - 1]} if number else {}
        home.drop(refund(**earlier), f"{name}.json")
    home.once()
    assert [row["id"] for row in home.json("queue")] == ["m"]
    statuses = {row["status"] for row in home.json("receipts", "list")}
    assert (statuses, list((home.root / "spool/refused").iterdir())) == ({"canceled"}, [])
