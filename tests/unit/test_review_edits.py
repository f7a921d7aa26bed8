"""What an edit makes of a payload, and why one is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_mail.core.canonical import canonical
from hitl_mail.review.edits import (
    MOST_CHANGES,
    BadEdit,
    Edit,
    apply_edit,
    edit_document,
    parse_edit,
)
from hitl_mail.review.rows import Row, rows_of

PAYLOAD: dict[str, Any] = {
    "amount": 49,
    "currency": "EUR",
    "customer": {"name": "Ada Lovelace", "vip": False},
    "items": [{"sku": "a1", "price": 1.5}, {"sku": "b2", "price": 2.5}],
    "tags": [],
    "due": "2026-11-25",
    "a.b": {"c=d": 1},
    "comment": None,
}


def edited(text: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    return apply_edit(PAYLOAD if payload is None else payload, parse_edit(text.split("\n")))


def changed(text: str) -> dict[str, Any]:
    """The top-level keys that an edit leaves with another value."""
    return {key: value for key, value in edited(text).items() if PAYLOAD.get(key) != value}


def refused(text: str, payload: dict[str, Any] | None = None) -> BadEdit:
    with pytest.raises(BadEdit) as caught:
        edited(text, payload)
    return caught.value


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("amount = 40", {"amount": 40}),
        ("amount=40.5", {"amount": 40.5}),
        ("Amount = 40", {"amount": 40}),
        ("- amount = 40", {"amount": 40}),
        ('"amount" = 40', {"amount": 40}),
        ("“amount” = 40", {"amount": 40}),
        ("amount\xa0=\xa040", {"amount": 40}),
        ("amount = 40\ncurrency = 'USD'", {"amount": 40, "currency": "USD"}),
        ("amount = 40\n\ncurrency = “USD”", {"amount": 40, "currency": "USD"}),
        ("currency = USD", {"currency": "USD"}),
        ("currency = „USD“", {"currency": "USD"}),
        ("currency = «\xa0USD\xa0»", {"currency": "USD"}),
        ("currency = ‘USD’", {"currency": "USD"}),
        ('currency = "U\\"S"', {"currency": 'U"S'}),
        ("currency = “the \\”US\\” one”", {"currency": 'the "US" one'}),
        ("customer.name = O’Brien", {"customer": {"name": "O’Brien", "vip": False}}),
        ("customer.vip = true", {"customer": {"name": "Ada Lovelace", "vip": True}}),
        ("customer = {name = “Bob”}", {"customer": {"name": "Bob"}}),
        ("tags = [“a”, 'b', \"c\"]", {"tags": ["a", "b", "c"]}),
        ("tags = [\n“a”,\n\n“b”\n]", {"tags": ["a", "b"]}),
        ("due = '2026-12-01'", {"due": "2026-12-01"}),
        ("comment = \"said …\"", {"comment": "said …"}),
        ('"a.b"."c=d" = 2', {"a.b": {"c=d": 2}}),
        ("currency = \"a long text that a program\nwrapped\"", {"currency":
            "a long text that a program wrapped"}),
    ],
)  # fmt: skip
def test_lines_change_what_they_name(text: str, change: dict[str, Any]) -> None:
    assert changed(text) == change


def test_an_item_of_a_list_is_changed_by_its_index() -> None:
    assert edited("items[1].price = 3")["items"] == [
        {"sku": "a1", "price": 1.5},
        {"sku": "b2", "price": 3},
    ]


def test_a_new_key_is_added_at_the_top_and_in_an_object() -> None:
    made = edited("reference = 'x'\ncustomer.mail = 'a@b.example'")
    assert (made["reference"], made["customer"]["mail"]) == ("x", "a@b.example")


@pytest.mark.parametrize(
    "text",
    [
        '{"amount": 40}',
        '```\n{"amount": 40}\n```',
        '```json\n{\n\n"amount": 40\n}\n```',
        "{“amount”:\xa040}",
        '{\n"amount":\n40}',
        "```toml\n{\"amount\": 40}",
    ],
)  # fmt: skip
def test_a_json_object_replaces_the_payload(text: str) -> None:
    assert edited(text) == {"amount": 40}


def test_a_string_of_json_that_a_program_wrapped_is_whole_again() -> None:
    assert edited('{"text": "one two\nthree"}') == {"text": "one two three"}


def test_lines_in_a_fence_change_as_they_would_without() -> None:
    assert changed("```\namount = 40\n```") == {"amount": 40}


def test_the_payload_itself_stays_as_it_is() -> None:
    before = copy.deepcopy(PAYLOAD)
    edited("customer.name = 'x'\nitems[0].sku = 'y'")
    assert before == PAYLOAD


@pytest.mark.parametrize(
    ("text", "detail", "send"),
    [
        ("amuont = 40", "nearest key is amount", "edit amount = 40"),
        ("customer.nmae = 'x'", "nearest key is name", "edit customer.name = 'x'"),
        ("amount = 40 EUR", "no TOML value", "edit amount = 40"),
        ("amount = 50.", "no TOML value", "edit amount = 50"),
        ("amount = 40,50", "no TOML value", "edit amount = 40.50"),
        ("amount = forty", "no TOML value", "edit amount = 49"),
        ("amount = 0,50", "no TOML value", "edit amount = 0.50"),
        ("amount = 0.5 EUR", "no TOML value", "edit amount = 0.5"),
        ("amount = 007", "no TOML value", "edit amount = 7"),
        ("amount = EUR 0", "no TOML value", "edit amount = 0"),
        ("amount = +12 EUR", "no TOML value", "edit amount = 12"),
        ("amount = -12 EUR", "no TOML value", "edit amount = -12"),
        ("amount = −12,5", "no TOML value", "edit amount = -12.5"),
        ("amount = 1,000 EUR", "no TOML value", "edit amount = 49"),
        ("amount = 1.000,50", "no TOML value", "edit amount = 49"),
        ("amount = 1'000", "no TOML value", "edit amount = 49"),
        ("due = [a", "no TOML value", 'edit due = ["a", "b"]'),
        ("due = {a", "no TOML value", "edit due = { key = 1 }"),
        (
            'reference = say "yes" \\ no',
            "no TOML value",
            'edit reference = "say \\"yes\\" \\\\ no"',
        ),
        ("amount =", "There is no value for amount.", "edit amount = 49"),
        ("customer.vip = Yes", "no TOML value", "edit customer.vip = true"),
        ("customer.vip = True", "no TOML value", "edit customer.vip = true"),
        ("customer.vip = on", "no TOML value", "edit customer.vip = true"),
        ("customer.vip = no", "no TOML value", "edit customer.vip = false"),
        ('currency = "USD', "no TOML value", 'edit currency = "USD"'),
        ("reference = some words", "no TOML value", 'edit reference = "some words"'),
        ("currency = null", "TOML has no null", 'edit currency = "text"'),
        ("due = 2026-12-01", "cannot be held", 'edit due = "2026-12-01"'),
        ("amount = 9007199254740992", "cannot be held", 'edit amount = "9007199254740992"'),
        ("amount = nan", "cannot be held", 'edit amount = "nan"'),
        ("amount = 40\namount = 41", "changed twice", "edit amount = 41"),
        ("amount = 40\nAmount = 41", "changed twice", "edit amount = 41"),
        ("items = []\nitems[0].price = 4", "changed twice", "edit items[0].price = 4"),
        ("items[2].price = 4", "has 2 items", "edit items[0] = 4"),
        ("tags[0] = 'x'", "tags is an empty list.", "edit tags = 'x'"),
        ("items.price = 4", "has 2 items", "edit items[0] = 4"),
        ("amount.net = 4", "is a single value", "edit amount = 4"),
        ("amount[0] = 4", "is a single value", "edit amount = 4"),
        ("amount.net =", "is a single value", "edit amount = …"),
        ("customer[0] = 4", "is no list", "edit customer.name = 4"),
        (
            "address.city = 'x'",
            "There is no address to change a part of.",
            "edit address = { city = 'x' }",
        ),
        ("address.a.b = 4", "to change a part of", "edit address = { a = { b = 4 } }"),
        ("customer.address[0] = 4", "no customer.address to", "edit customer.address = [ … ]"),
        ("custmer.name = 'x'", "nearest key is customer", "edit customer.name = 'x'"),
        ("some words = 4", "a new key has only letters", "edit amount = 4"),
        ("amount = 49", "leaves the payload as it is", "edit amount = (another value)"),
        ("amount = 49.0", "leaves the payload as it is", "edit amount = (another value)"),
        (json.dumps(PAYLOAD), "leaves the payload as it is", "edit amount = (another value)"),
        ("", "changes nothing", "edit amount = 40"),
        ("```\n```", "This edit changes nothing.", "edit amount = 40"),
        ("make it 20", "is no change", "edit amount = 40"),
        ('"amount"', "is no change", "edit amount = 40"),
        ("amount = 40\nplease", "is no change", "edit amount = 40"),
        ('{"amount": 40', "cannot be read", "edit KEY = VALUE, for one key"),
        ('{"amount": 40, "amount": 41}', "stands twice", "edit KEY = VALUE, for one key"),
        ('{"amount": 40} or so', "stands behind", 'edit {"key": 1}'),
    ],
)
def test_what_cannot_be_done_is_said_with_the_line_to_send(
    text: str, detail: str, send: str
) -> None:
    error = refused(text)
    assert (detail in error.detail, error.send) == (True, send)


@pytest.mark.parametrize(
    ("key", "text", "detail", "send"),
    [
        ("..", "4", '".." is no key.', "edit amount = …"),
        ("k" * 501, "4", f'"{"k" * 79}…" is no key.', "edit amount = …"),
        ("amount", "4" * 65_537, "The value of amount is too long.", "edit amount = 49"),
        ("customer.vip", "4" * 65_537, "The value of customer.vip is too long.",
            "edit customer.vip = true"),
        ("amount", "40\ncurrency = 'USD'", "The value of amount is no TOML value: text needs "
            "quotes, a number has none.", "edit amount = 40"),
    ],
    ids=["no key", "long key", "long value", "long flag", "two lines"],
)  # fmt: skip
def test_what_no_line_of_a_mail_can_be_is_refused_of_a_form_too(
    key: str, text: str, detail: str, send: str
) -> None:
    with pytest.raises(BadEdit) as found:
        apply_edit(PAYLOAD, Edit(((key, text),)))
    assert (found.value.detail, found.value.send) == (detail, send)


def test_what_is_wrong_with_a_payload_is_told_in_short() -> None:
    key = "\\ud800" * 64
    detail = refused(f'{{"{key}": 1, "{key}": 2}}').detail
    assert detail == f"The new payload cannot be read: {f'the key {key}'[:149]}…."


def test_a_text_of_the_longest_kind_is_taken() -> None:
    assert apply_edit(PAYLOAD, Edit((("currency", "x" * 65_536),)))["currency"] == "x" * 65_536


@pytest.mark.parametrize("line", ['currency = "\udcff"', '{"currency": "\udcff"}'])
def test_a_byte_that_is_no_text_is_shown_as_one_that_is_lost(line: str) -> None:
    assert edited(line)["currency"] == "?"


@pytest.mark.parametrize(
    ("known", "typed", "near"),
    [
        ("id", "ix", False),
        ("sku", "sxu", True),
        ("sku", "skuu", True),
        ("sku", "sxx", False),
        ("price", "prce", True),
        ("price", "rpice", True),
        ("price", "priec", True),
        ("price", "pxxce", False),
        ("amount", "amxxnt", True),
        ("amount", "amountxx", True),
        ("amount", "amxxxt", False),
        ("amount", "amo", False),
        ("abcdef", "badcfe", False),
        ("k" * 64, "k" * 63 + "x", True),
        ("k" * 65, "k" * 64 + "x", False),
    ],
)
def test_a_key_is_near_another_by_few_letters(known: str, typed: str, near: bool) -> None:
    if near:
        assert refused(f"{typed} = 2", {known: 1}).send == f"edit {known} = 2"
    else:
        assert edited(f"{typed} = 2", {known: 1}) == {known: 1, typed: 2}


def test_where_a_payload_has_no_plain_value_the_example_is_another() -> None:
    assert refused("some words = 4", {"items": [1]}).send == "edit amount = 4"
    assert refused("", {}).send == "edit amount = 40"


def test_keys_that_differ_only_in_case_are_told_apart() -> None:
    payload = {"key": 1, "KEY": 2}
    assert edited("KEY = 3", payload) == {"key": 1, "KEY": 3}
    assert "nearest key is key" in refused("Key = 3", payload).detail


def test_what_would_be_nested_too_deep_is_refused() -> None:
    assert "deeper than 16" in refused(f"tags = {'[' * 16}{']' * 16}").detail


def test_more_changes_than_a_person_makes_are_refused() -> None:
    lines = "\n".join(f"key{number} = 1" for number in range(MOST_CHANGES + 1))
    assert "more than 100 changes" in refused(lines).detail


def test_an_edit_without_a_change_is_refused() -> None:
    with pytest.raises(BadEdit, match="changes nothing"):
        apply_edit(PAYLOAD, Edit())


def test_changes_are_told_nested_under_the_payloads_own_keys() -> None:
    edit = parse_edit(["Customer.name = Bob", "items[0].price = 3", "amount = 40"])
    assert edit_document(edit, PAYLOAD) == {
        "customer": {"name": "Bob"},
        "items[0]": {"price": 3},
        "amount": 40,
    }


def test_changes_are_told_as_written_where_no_payload_is_known() -> None:
    edit = parse_edit(["a.b = 1", "a.c = [“x”]", "note = see below"])
    assert edit_document(edit) == {"a": {"b": 1, "c": ["x"]}, "note": "see below"}


def test_a_whole_payload_is_told_as_it_is() -> None:
    assert edit_document(parse_edit(['{"amount": 40}'])) == {"amount": 40}


_NAMES = st.text('abé.[]" _', min_size=1, max_size=6)
_JSON = st.recursive(
    st.integers(-1000, 1000),
    lambda inside: (
        st.lists(inside, min_size=1, max_size=3)
        | st.dictionaries(_NAMES, inside, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(_NAMES, _JSON, min_size=1, max_size=3))
def test_every_row_of_a_packet_can_be_changed_by_its_own_key(payload: dict[str, Any]) -> None:
    for row in rows_of(payload):
        made = edited(f"{row.key} = 4321", payload)
        assert Row(row.key, "4321") in rows_of(made)


@given(st.lists(st.text(max_size=40), max_size=8))
def test_no_lines_make_it_raise_anything_but_a_bad_edit(lines: list[str]) -> None:
    try:
        made = apply_edit(PAYLOAD, parse_edit(lines))
    except BadEdit as error:
        assert error.send
    else:
        assert canonical(made) != canonical(PAYLOAD)


def test_a_key_is_understood_as_a_mail_shows_it_that_breaks_links() -> None:
    edited = apply_edit({"customer": {"name": "Ada"}}, parse_edit(["customer[.]name = Bo"]))
    assert edited == {"customer": {"name": "Bo"}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("https[:]//foo[.]com/y", "https://foo.com/y"),
        ('"https[:]//foo[.]com/y"', "https://foo.com/y"),
        ('["www[.]foo[.]com", { a = "foo[.]com" }]', ["www.foo.com", {"a": "foo.com"}]),
        ("https://foo.com/y", "https://foo.com/y"),
        ("a[.]b", "a[.]b"),
        ("5", 5),
    ],
)
def test_a_link_copied_from_a_mail_is_whole_again(text: str, value: object) -> None:
    """The next mail shows `foo.com` and `foo[.]com` alike: nobody could see what was approved."""
    made = apply_edit({"site": "https://foo.com/x"}, parse_edit([f"site = {text}"]))
    assert made == {"site": value}


@pytest.mark.parametrize("site", ["foo[.]com", ["x", {"a": "hxxp[:]//x"}]])
def test_where_the_payload_itself_breaks_links_an_edit_may_too(site: object) -> None:
    made = apply_edit({"site": site, "n": 1}, parse_edit(['site = "bar[.]com"']))
    assert made["site"] == "bar[.]com"


DEEP: dict[str, Any] = {}
for _ in range(17):
    DEEP = {"a": DEEP}


def test_what_is_made_must_be_one_that_can_be_held() -> None:
    long = "k" * 100
    for made, where in (({"n": 2**53}, " in n"), ({long: 2**53}, f" in {'k' * 63}…"), (DEEP, None)):
        with pytest.raises(BadEdit) as found:
            apply_edit(PAYLOAD, Edit(document=made))
        assert found.value.send == "edit KEY = (a plain value)"
        if where is not None:
            assert found.value.detail == (
                "The new payload cannot be held: integer beyond 2^53 - 1; send it as a string"
                f"{where}."
            )


def test_of_a_name_that_cannot_be_shown_no_place_is_told() -> None:
    with pytest.raises(BadEdit) as found:
        apply_edit(PAYLOAD, Edit(document={"\ud800": 1}))
    assert found.value.detail == "The new payload cannot be held: a lone surrogate is not text."


def test_where_a_payload_cannot_be_held_is_told_in_short() -> None:
    path = ".".join("k" * 60 for _ in range(3))
    made = {"k" * 60: {"k" * 60: {"k" * 60: 2**53}}}
    with pytest.raises(BadEdit) as found:
        apply_edit(PAYLOAD, Edit(document=made))
    assert found.value.detail.endswith(f" in {path[:79]}….")


def test_an_edit_that_changes_nothing_is_told_so() -> None:
    with pytest.raises(BadEdit) as found:
        apply_edit(PAYLOAD, Edit(document=PAYLOAD))
    assert (found.value.detail, found.value.send) == (
        "This edit leaves the payload as it is.",
        "edit amount = (another value)",
    )
    with pytest.raises(BadEdit) as found:
        apply_edit(PAYLOAD, Edit(()))
    assert (found.value.detail, found.value.send) == (
        "This edit changes nothing.",
        "edit amount = 49",
    )


def test_an_edit_of_nothing_between_two_fences_is_told_so() -> None:
    assert refused("```\n```").detail == "This edit changes nothing."


def test_a_new_payload_is_no_part_of_the_edit_that_made_it() -> None:
    edit = Edit(document={"items": [1]})
    apply_edit(PAYLOAD, edit)["items"].append(2)
    assert edit.document == {"items": [1]}


def test_as_many_changes_as_may_be_are_made() -> None:
    payload = {f"k{number}": 0 for number in range(MOST_CHANGES + 1)}
    changes = tuple((key, "1") for key in payload)
    assert sum(apply_edit(payload, Edit(changes[:-1])).values()) == MOST_CHANGES
    with pytest.raises(BadEdit) as found:
        apply_edit(payload, Edit(changes))
    assert found.value.detail == (
        f"These are more than {MOST_CHANGES} changes; a whole payload does that at once."
    )
    assert found.value.send == 'edit {"key": "value"}'


def test_a_key_is_changed_once() -> None:
    found = refused("customer.name = 'A'\ncustomer = {name = 'B'}")
    assert found.detail == "customer is changed twice."


def test_long_keys_and_values_are_told_in_short() -> None:
    key, value = "k" * 100, "v" * 100
    wrong = refused(f'{key} = "{value}', {key: "t"})
    assert wrong.detail.startswith(f"The value of {key[:79]}… is no TOML value")
    assert wrong.send == f'edit {key[:79]}… = "{value[:78]}…'
    unclear = refused(f"some {value} = 4", {key: 1})
    assert unclear.send == f"edit {key[:79]}… = 4"
    for text in (f"make it {value}", f"amount = 40\nmake it {value}"):
        assert f'"make it {value[:72]}" is no change' in refused(text).detail
    assert f'"or {value[:77]}" stands behind' in refused(f'{{"amount": 40}} or {value}').detail


def test_spaces_before_an_edit_are_nothing() -> None:
    assert edited('  {"amount": 40}') == {"amount": 40}
    assert changed('currency = "USD"\n\n  "amount" = 40') == {"currency": "USD", "amount": 40}
