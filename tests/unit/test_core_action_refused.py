"""Action files that are refused, with the code and the field: design 1.2."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.core.action import Action, Cancel, Report, is_cut_off, parse_document
from hitl_mail.errors import Refused
from tests.factories import action, attachment, read
from tests.ids import plain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
FIELDS = list(Action.__struct_fields__)


def refused(document: dict[str, Any], stem: str | None = "refund-8841") -> tuple[str, str | None]:
    """The code and the field with which a document is refused."""
    with pytest.raises(Refused) as caught:
        read(document, stem)
    return caught.value.code, caught.value.field


def refused_toml(text: str | bytes) -> tuple[str, str | None]:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(Refused) as caught:
        parse_document(data, toml=True)
    return caught.value.code, caught.value.field


@pytest.mark.parametrize("field", ["kind", "payload", "summary"])
def test_a_required_field_is_missed(field: str) -> None:
    document = action()
    del document[field]
    assert refused(document) == ("missing_field", field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reversable": False}, "reversable"),
        ({"Kind": "x"}, "Kind"),
        ({"context": [{"title": "T", "text": "t", "trusted": True}]}, "context[0].trusted"),
        ({"attachments": [attachment(url="http://x")]}, "attachments[0].url"),
    ],
    ids=plain,
)
def test_an_unknown_field_is_refused(fields: dict[str, Any], field: str) -> None:
    assert refused(action(**fields)) == ("unknown_field", field)


def test_an_unknown_field_s_name_is_shown_short() -> None:
    code, field = refused({**action(), "k" * 100_000: 1})
    assert (code, len(field or "")) == ("unknown_field", 64)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"context": [{"text": "t"}]}, "context[0].title"),
        ({"context": [{"title": "T"}]}, "context[0].text"),
        ({"attachments": [{"name": "a", "content_type": "text/csv"}]}, "attachments[0].base64"),
    ],
    ids=plain,
)
def test_a_required_part_is_missed(fields: dict[str, Any], field: str) -> None:
    assert refused(action(**fields)) == ("missing_field", field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", ""),
        ("kind", "a..b"),
        ("kind", ".a"),
        ("kind", "a b"),
        ("kind", "pay\nment"),
        ("kind", "a\n"),
        ("kind", "tas\u212a"),
        ("kind", "ſale"),
        ("kind", "a" * 129),
        ("kind", 1),
        ("payload", []),
        ("payload", "x"),
        ("payload", None),
        ("summary", ""),
        ("summary", "  "),
        ("summary", "x" * 201),
        ("summary", "two\nlines"),
        ("summary", "two\u2028lines"),
        ("summary", "one line\n"),
        ("summary", None),
        ("why", 1),
        ("id", ""),
        ("id", "a" * 65),
        ("id", "a/b"),
        ("id", "../a"),
        ("id", ".."),
        ("id", "."),
        ("id", "ä"),
        ("id", "a\n"),
        ("id", "261122-k3f9ma"),
        ("id", "000000-AAAAAA"),
        ("id", 8841),
        ("run_id", 7),
        ("context", {}),
        ("attachments", "x"),
        ("confidence", 1.01),
        ("confidence", -0.01),
        ("confidence", "0.9"),
        ("confidence", True),
        ("effects", "money"),
        ("effects", None),
        ("reversible", "no"),
        ("reversible", 0),
        ("cost", "3"),
        ("latency", -1),
        ("latency", "4s"),
        ("cost_of_wrong", []),
        ("cost_of_waiting", {}),
        ("requested_by", "Ada"),
        ("requested_by", "Ada <ada@example.com>"),
        ("requested_by", " ada@example.com"),
        ("requested_by", "ada@example.com, bob@example.com"),
        ("requested_by", "ada@example.com\n"),
        ("requested_by", "@example.com"),
        ("requested_by", "a@b@example.com"),
        ("requested_by", ""),
        ("expires", "soon"),
        ("expires", "0s"),
        ("expires", 3600),
        ("supersedes", "a/b"),
        ("supersedes", ""),
        ("labels", []),
    ],
    ids=plain,
)
def test_a_bad_value_is_refused(field: str, value: Any) -> None:
    assert refused(action(**{field: value})) == ("bad_value", field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"effects": ["money", "Money"]}, "effects[1]"),
        ({"effects": ["two words"]}, "effects[0]"),
        ({"effects": [1]}, "effects[0]"),
        ({"labels": {"team": 1}}, "labels[...]"),
        ({"context": ["text"]}, "context[0]"),
        ({"context": [{"title": 1, "text": "t"}]}, "context[0].title"),
    ],
    ids=plain,
)
def test_a_bad_part_is_refused(fields: dict[str, Any], field: str) -> None:
    assert refused(action(**fields)) == ("bad_value", field)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("name", ""),
        ("name", "."),
        ("name", ".."),
        ("name", "../a"),
        ("name", "/etc/passwd"),
        ("name", "a\x00b"),
        ("name", "a\nb"),
        ("name", "a\x85b"),
        ("name", "invoice\u202efdp.exe"),
        ("name", "a\u200bb"),
        ("name", "x" * 129),
        ("name", "\U0001f600" * 64),
        ("content_type", "csv"),
        ("content_type", "text/csv; charset=utf-8"),
        ("content_type", "text/csv\r\nX: y"),
        ("base64", "&&&"),
        ("base64", "YQ"),
        ("base64", "YQ==\n"),
        ("base64", "ä"),
        ("base64", "-_8="),
    ],
    ids=plain,
)
def test_a_bad_attachment_is_refused(part: str, value: str) -> None:
    document = action(attachments=[attachment(name="first"), attachment(**{part: value})])
    assert refused(document) == ("bad_value", f"attachments[1].{part}")


def test_two_attachments_of_one_name_are_refused() -> None:
    document = action(attachments=[attachment(), attachment()])
    assert refused(document) == ("bad_value", "attachments[1].name")


@pytest.mark.parametrize("stem", [None, "", "with space", "a" * 65, "261122-k3f9ma"])
def test_a_stem_that_is_no_id_is_refused(stem: str | None) -> None:
    assert refused(action(), stem) == ("bad_value", "id")


@pytest.mark.parametrize("data", [b"[]", b"1", b'"x"', b"null"])
def test_a_file_holds_one_object(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_document(data)
    assert (caught.value.code, caught.value.field) == ("malformed", None)


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("a = 1\na = 2", "malformed", None),
        ("a = ", "malformed", None),
        (b"a = '\xff'", "not_utf8", None),
        ("[payload]\nat = 2026-11-22", "bad_value", "payload.at"),
        ("[payload]\nat = 2026-11-22T13:00:00Z", "bad_value", "payload.at"),
        ("[payload]\nat = 13:00:00", "bad_value", "payload.at"),
        ("[payload]\nn = nan", "bad_number", "payload.n"),
        ("[payload]\nn = -inf", "bad_number", "payload.n"),
        ("[payload]\nn = 9007199254740992", "bad_number", "payload.n"),
        ("n = 0x" + "f" * 9999, "bad_number", "n"),
        ("n = " + "1" * 9999, "malformed", None),
        ("a = " + "[" * 17 + "]" * 17, "too_deep", "a" + "[0]" * 15),
        ("a = " + "[" * 9999 + "]" * 9999, "malformed", None),
        (".".join("a" * 17) + " = 1", "too_deep", ".".join("a" * 16)),
        (".".join("a" * 500_000) + " = 1", "too_deep", None),
        ("[" + " . ".join(["'a'"] * 100_000) + "]", "too_deep", None),
        ("a = {" + ".".join(['"a"'] * 100_000) + " = 1}", "too_deep", None),
        ('a = "\\ud800"', "malformed", None),
    ],
    ids=plain,
)
def test_toml_that_json_cannot_hold_is_refused(
    text: str | bytes, code: str, field: str | None
) -> None:
    assert refused_toml(text) == (code, field)


def test_dots_in_a_text_are_no_deep_key() -> None:
    text = "One sentence. Another one... " * 500 + "1.2.3.4.5.6.7.8.9.10"
    assert parse_document(f'a = "{text}"'.encode(), toml=True) == {"a": text}


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ({"cancel": 1}, "bad_value", "cancel"),
        ({"cancel": "x", "kind": "ping"}, "unknown_field", "kind"),
        ({"report": "c", "outcome": {"ok": True}}, "missing_field", "permit"),
        ({"report": "c", "permit": "t"}, "missing_field", "outcome"),
        ({"report": "c", "permit": "t", "outcome": {}}, "missing_field", "outcome.ok"),
        ({"report": "c", "permit": "t", "outcome": {"ok": 1}}, "missing_field", "outcome.ok"),
        ({"report": "c", "permit": "t", "outcome": []}, "bad_value", "outcome"),
        ({"report": "c", "permit": "t", "outcome": {"ok": True}, "x": 1}, "unknown_field", "x"),
    ],
    ids=plain,
)
def test_a_bad_message_is_refused(document: dict[str, Any], code: str, field: str) -> None:
    assert refused(document) == (code, field)


# Anything at all


@given(st.binary() | st.text().map(str.encode), st.booleans())
def test_any_file_is_an_object_or_refused(data: bytes, toml: bool) -> None:
    try:
        document = parse_document(data, toml)
    except Refused as error:
        assert (error.detail + (error.field or "")).encode()
    else:
        assert isinstance(document, dict)


@given(st.dictionaries(st.sampled_from([*FIELDS, "cancel", "report", "permit", "outcome"]), JSON))
def test_any_object_is_a_message_or_refused(fields: dict[str, Any]) -> None:
    for document in (fields, {**action(), **fields}):
        try:
            message = read(document)
        except Refused as error:
            assert (error.detail + (error.field or "")).encode()
        else:
            assert isinstance(message, Action | Cancel | Report)


@given(st.dictionaries(st.text(), JSON))
def test_any_unknown_field_is_refused(fields: dict[str, Any]) -> None:
    unknown = {key: value for key, value in fields.items() if key not in FIELDS}
    try:
        read({**action(), **unknown})
    except Refused as error:
        assert error.code in {
            *("unknown_field", "bad_number", "bad_string", "too_deep", "missing_field"),
            "bad_value",
        }
    else:
        assert unknown == {}


DETAILS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "a..b"}, "must be a dotted name such as payment.refund"),
    ({"kind": "a" * 129}, "must be a dotted name such as payment.refund"),
    ({"id": "a/b"}, "an id is 1 to 64 of A-Z a-z 0-9 . _ -"),
    ({"id": ".."}, "an id must be usable as a file name"),
    ({"id": "261122-k3f9ma"}, "an id must not look like a case id"),
    ({"summary": " "}, "say in one line what this does"),
    ({"summary": "x" * 201}, "one line of at most 200 characters"),
    ({"summary": "two\nlines"}, "one line of at most 200 characters"),
    ({"confidence": 1.1}, "a number from 0 to 1"),
    ({"latency": -1}, "seconds, not negative"),
    ({"effects": ["Money"]}, "must be a word such as money or external"),
    ({"effects": ["a" * 65]}, "must be a word such as money or external"),
    ({"expires": "soon"}, "'soon' is not a duration; write it like 90s, 15m, 4h, 1d12h or 2w"),
    ({"requested_by": "Ada <ada@example.com>"}, "must be a plain mail address"),
    ({"supersedes": "a b"}, "must be an id of an earlier action"),
    ({"attachments": [attachment(name="a/b")]}, "must be a plain file name"),
    ({"attachments": [attachment(name="ä" * 121)]}, "must be a plain file name"),
    ({"attachments": [attachment(name="..")]}, "each attachment needs a name of its own"),
    ({"attachments": [attachment(), attachment()]}, "each attachment needs a name of its own"),
    ({"attachments": [attachment(content_type="text")]}, "must be like text/csv"),
    ({"attachments": [attachment(base64="%")]}, "not base64"),
    ({"payload": 7}, "payload: expected `object`, got `int`"),
    ({"reversable": 1}, "no such field: reversable (did you mean reversible?)"),
    (
        {"efects": [], "zzz": 1, "reversable": 1},
        "no such field: efects (did you mean effects?), zzz, reversable (did you mean reversible?)",
    ),
    (dict.fromkeys("12345"), "no such field: 1, 2, 3, 4, 5"),
    (dict.fromkeys("12345678"), "no such field: 1, 2, 3, 4, 5 and 3 more"),
    (
        {"context": [{"title": "T", "txt": "t"}]},
        "no such field: context[0].txt (did you mean text?)",
    ),
    ({"context": [{"title": "T"}]}, "context[0].text is required"),
    ({"labels": {"a": 1}}, "labels[...]: expected `str`, got `int`"),
]


@pytest.mark.parametrize(("fields", "detail"), DETAILS, ids=plain)
def test_a_refusal_says_what_is_wrong(fields: dict[str, Any], detail: str) -> None:
    with pytest.raises(Refused) as caught:
        read(action(**fields))
    assert caught.value.detail == detail


def test_a_report_that_does_not_say_how_it_went_is_told_so() -> None:
    report = {"report": "261122-k3f9ma", "permit": "token", "outcome": {"ok": "yes"}}
    with pytest.raises(Refused) as caught:
        read(report)
    assert caught.value.detail == "say whether it went well: true or false"


@pytest.mark.parametrize(
    ("data", "toml", "detail"),
    [
        (b"[1]", False, "the file must hold one object"),
        (b"a = \xff", True, "not UTF-8 at byte 4"),
        (b"a = ", True, "not TOML: Invalid value (at end of document)"),
        (
            ".".join("a" * 41).encode() + b" = 1",
            True,
            "a dotted key of more than 40 parts; a text like that needs JSON",
        ),
        (b"a = " + b"[" * 9000, True, "not TOML that can be held: too deep or too large"),
    ],
    ids=["a list", "not UTF-8", "not TOML", "a long key", "too deep"],
)
def test_a_file_that_cannot_be_read_is_told_why(data: bytes, toml: bool, detail: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_document(data, toml=toml)
    assert caught.value.detail == detail


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "a" * 128},
        {"id": "a" * 64},
        {"summary": "x" * 200},
        {"confidence": 0},
        {"confidence": 1},
        {"latency": 0},
        {"effects": ["a" * 64]},
        {"attachments": [attachment(name="ä" * 120)]},
        {"attachments": [attachment(name="a.csv"), attachment(name="b.csv")]},
    ],
    ids=plain,
)
def test_what_just_fits_is_taken(fields: dict[str, Any]) -> None:
    assert isinstance(read(action(**fields)), Action)


@pytest.mark.parametrize(
    ("data", "cut_off"),
    [
        (b"", True),
        (b'{"kind": "a.b", ', True),
        (b'{"kind": "a.b"\n', True),
        (b'{"kind": "a', True),
        (b'{"kind": "a.b",}', False),
        (b"{}{}", False),
        (b"[" * 100_000, False),
        (b"{}", False),
    ],
    ids=plain,
)
def test_half_a_file_is_told_from_a_mistake_in_a_whole_one(data: bytes, cut_off: bool) -> None:
    assert is_cut_off(data) is cut_off
