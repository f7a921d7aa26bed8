"""Editing and handing on from the page: what the forms hold, post and say."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.web.one_case import PAYLOAD, OneCase
from tests.web.packets import SCHEMA, packet, rows
from tests.web.serve import served

NESTED: dict[str, Any] = {
    **PAYLOAD,
    "address": {"street": "Byron Road 1", "city": "London"},
    "lines": [{"sku": "A1"}],
    "note": "\nfirst line is empty\n<b>&amp;</textarea>",
}


class Forms(HTMLParser):
    """The forms of a page, with the fields a browser would post, and all that labels them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.actions: list[str] = []
        self.buttons: list[tuple[str, str]] = []
        self.labels: dict[str, str] = {}
        self.fields: dict[str, dict[str, str | None]] = {}
        self._into = ""
        self._select = ""
        self._label = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "form":
            self.forms.append({})
            self.actions.append(found.get("action") or "")
        elif tag == "label":
            self._label = found.get("for") or ""
            self.labels[self._label] = ""
        elif tag == "button":
            self.buttons.append((name, found.get("value") or ""))
        elif tag in ("input", "select", "textarea"):
            self.fields[found.get("id") or name] = found
            self.forms[-1][name] = found.get("value") or ""
            self._into = name if tag == "textarea" else ""
            self._select = name if tag == "select" else ""
        elif tag == "option" and "selected" in found:
            self.forms[-1][self._select] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # HTML drops one line end that follows the tag.
            self.forms[-1][self._into] = self.forms[-1][self._into].removeprefix("\n")
            self._into = ""
        if tag == "label":
            self._label = ""

    def handle_data(self, data: str) -> None:
        if self._into:
            self.forms[-1][self._into] += data
        if self._label:
            self.labels[self._label] += data.strip()

    def form(self, field: str) -> dict[str, str]:
        """The one form that has a field of this name."""
        (found,) = [form for form in self.forms if field in form]
        return found


async def forms(pages: OneCase) -> Forms:
    async with served(pages) as client:
        return Forms((await client.get("/d/ada")).text)


async def posted(pages: OneCase, data: dict[str, str]) -> httpx.Response:
    async with served(pages) as client:
        return await client.post("/d/ada", data=data)


def nested() -> OneCase:
    return OneCase(payload=NESTED, shown=packet(rows=rows(NESTED)))


async def test_edit_and_route_stand_beside_the_other_verbs() -> None:
    found = await forms(OneCase())
    assert [value for name, value in found.buttons if name == "verb"] == [
        "approve",
        "reject",
        "edit",
        "edit",
        "route",
    ]


async def test_the_form_holds_the_payload_field_by_field() -> None:
    found = (await forms(nested())).form("p:amount")
    values = {name: value for name, value in found.items() if name.startswith("p:")}
    assert values == {
        "p:amount": "49",
        "p:currency": '"EUR"',
        "p:customer": "Ada Lovelace",
        "p:invoice": "2026-1183",
        "p:address.street": "Byron Road 1",
        "p:address.city": "London",
        "p:lines": '[\n  {\n    "sku": "A1"\n  }\n]',
        "p:note": NESTED["note"],
    }


async def test_a_form_posted_as_it_came_changes_nothing() -> None:
    pages = nested()
    data = (await forms(pages)).form("p:amount")
    response = await posted(pages, {**data, "verb": "edit"})
    assert (response.status_code, pages.payloads) == (409, [NESTED])


async def test_line_ends_of_a_browser_are_no_change() -> None:
    pages = nested()
    data = (await forms(pages)).form("p:amount")
    sent = {name: value.replace("\n", "\r\n") for name, value in data.items()}
    await posted(pages, {**sent, "verb": "edit", "p:amount": "40"})
    assert pages.payloads[-1] == {**NESTED, "amount": 40}


async def test_the_json_tab_holds_the_whole_payload_in_a_form_of_its_own() -> None:
    pages = nested()
    found = (await forms(pages)).form("json")
    assert set(found) == {"seen", "json", "note"}
    await posted(pages, {**found, "verb": "edit", "json": found["json"].replace("49", "40")})
    assert pages.payloads[-1] == {**NESTED, "amount": 40}


async def test_an_accepted_edit_leads_to_the_page_of_the_new_revision() -> None:
    pages = OneCase()
    data = (await forms(pages)).form("p:amount")
    async with served(pages) as client:
        response = await client.post("/d/ada", data={**data, "verb": "edit", "p:amount": "40"})
        page = await client.get(str(response.url.join(response.headers["location"])))
    assert (response.status_code, response.headers["location"]) == (303, "./ada-2#top")
    assert "Your change is saved, and not approved yet." in page.text


async def test_the_new_revision_is_shown_beside_the_old_and_not_by_colour_alone() -> None:
    pages = OneCase()
    await posted(pages, {"verb": "edit", "seen": pages.revision, "p:amount": "40"})
    async with served(pages) as client:
        page = (await client.get("/d/ada-2")).text
    table = page[page.index("<table") : page.index("</table>")]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", table)).strip()
    assert text == "What changed Key Before Now amount Before: 49 Now: 40"
    assert ("<del><code>49" in table, "<ins><code>40" in table) == (True, True)


async def test_why_somebody_changed_it_is_shown_with_the_change() -> None:
    pages = OneCase(shown=packet(changed="bob edited it", edit_note="half was paid back"))
    async with served(pages) as client:
        page = (await client.get("/d/ada")).text
    assert '<span class="unseen">Note: </span>half was paid back' in page


async def test_a_number_with_a_comma_is_told_beside_its_field_and_kept() -> None:
    pages = OneCase()
    response = await posted(pages, {"verb": "edit", "seen": pages.revision, "p:amount": "40,50"})
    found = Forms(response.text)
    amount = next(field for field in found.fields.values() if field.get("name") == "p:amount")
    described = (amount["aria-describedby"] or "").split()
    assert (response.status_code, amount["value"], amount["aria-invalid"]) == (409, "40,50", "true")
    assert f'id="{described[-1]}">40,50 has a comma: write 12.50 with a dot' in response.text


async def test_all_that_was_typed_is_kept_when_an_edit_is_refused() -> None:
    pages = OneCase()
    data = {"p:amount": "x", "p:customer": "Bob & <Bob>", "p:currency": '"USD"', "note": "why"}
    response = await posted(pages, {"verb": "edit", "seen": pages.revision, **data})
    found = Forms(response.text).form("p:amount")
    assert {name: found[name] for name in data} == data


async def test_json_that_was_typed_is_kept_when_it_is_refused() -> None:
    pages = OneCase()
    response = await posted(pages, {"verb": "edit", "seen": pages.revision, "json": '\n{"a": 1,'})
    found = Forms(response.text).form("json")
    # The first line end is HTML's own.
    assert (found["json"].strip(), "at line 2, column 9" in response.text) == ('{"a": 1,', True)


async def test_a_refused_form_is_open_and_the_other_tab_is_as_it_was() -> None:
    pages = OneCase()
    response = await posted(pages, {"verb": "edit", "seen": pages.revision, "p:amount": "x"})
    opened = re.findall(r'class="part panel( shown)?" id="([\w-]+)"', response.text)
    assert opened == [(" shown", "edit"), ("", "edit-json"), ("", "route")]
    assert '"amount": 49' in Forms(response.text).form("json")["json"]


async def test_each_problem_leads_to_its_field() -> None:
    pages = OneCase()
    response = await posted(pages, {"verb": "edit", "seen": pages.revision, "p:amount": "x"})
    found = Forms(response.text)
    (to,) = re.findall(r'<a href="#(f\d+)"><code>amount</code></a>', response.text)
    assert found.fields[to]["name"] == "p:amount"


async def test_what_was_typed_is_not_lost_when_the_case_changed_meanwhile() -> None:
    pages = OneCase()
    shown = pages.revision
    await posted(pages, {"verb": "edit", "seen": shown, "p:amount": "40"})
    data = {"verb": "edit", "seen": shown, "p:amount": "39", "note": "my reason"}
    response = await posted(pages, data)
    assert "<h1>It changed since this link was sent</h1>" in response.text
    kept = ("What you had typed", "<code>39</code>", "my reason")
    assert [text in response.text for text in kept] == [True] * 3


async def test_a_payload_too_long_for_a_form_is_edited_as_json() -> None:
    payload = {f"k{number}": number for number in range(201)}
    pages = OneCase(payload=payload, schema=None)
    async with served(pages) as client:
        page = (await client.get("/d/ada")).text
    assert ("too many values for a form" in page, 'href="#edit-json"' in page) == (True, True)
    assert 'id="edit"' not in page


async def test_a_form_of_two_hundred_fields_is_taken() -> None:
    payload = {f"k{number}": number for number in range(200)}
    pages = OneCase(payload=payload, schema=None)
    data = (await forms(pages)).form("p:k0")
    response = await posted(pages, {**data, "verb": "edit", "p:k199": "7"})
    assert (response.status_code, pages.payloads[-1]["k199"]) == (303, 7)


async def test_a_payload_as_large_as_an_action_may_be_is_taken() -> None:
    pages = OneCase(payload={"text": "é" * 400_000}, schema=None)
    data = (await forms(pages)).form("json")
    changed = data["json"].replace('"é', '"è')
    response = await posted(pages, {**data, "verb": "edit", "json": changed})
    assert (response.status_code, pages.payloads[-1]["text"][0]) == (303, "è")


@pytest.mark.parametrize("path", ["/d/eve", "/d/bob"])
async def test_only_who_may_edit_posts_so_much(path: str) -> None:
    pages = OneCase(shown=packet(choices=("approve", "reject")))
    data = {"verb": "edit", "seen": pages.revision, "json": "x" * 100_000}
    async with served(pages) as client:
        response = await client.post(path, data=data)
    assert response.status_code == 413


async def test_nobody_posts_without_end() -> None:
    pages = OneCase()
    response = await posted(pages, {"verb": "edit", "seen": "x", "json": "x" * 4_300_000})
    assert (response.status_code, pages.payloads) == (413, [PAYLOAD])


# Hostile text


HOSTILE = "</textarea><script>alert(1)</script>\"'><img src=x onerror=a>\u202e\u200b"


async def test_hostile_keys_and_values_open_no_tag_and_hide_nothing_in_a_form() -> None:
    payload = {HOSTILE: HOSTILE, "in": {HOSTILE: [HOSTILE]}}
    schema = {"properties": {"in": {"title": HOSTILE, "description": HOSTILE}}}
    pages = OneCase(payload=payload, schema=schema, shown=packet(routes=(HOSTILE,)))
    async with served(pages) as client:
        page = (await client.get("/d/ada")).text
    assert ("<script" in page, "<img" in page, {"\u202e", "\u200b"} & set(page)) == (
        False,
        False,
        set(),
    )


async def test_hostile_keys_and_values_can_be_edited_all_the_same() -> None:
    payload = {HOSTILE: HOSTILE, "x": 1}
    pages = OneCase(payload=payload, schema=None)
    data = (await forms(pages)).form("p:x")
    await posted(pages, {**data, "verb": "edit", "p:x": "2"})
    assert pages.payloads[-1] == {**payload, "x": 2}


# Route


async def test_a_question_is_handed_to_one_of_those_it_may_go_to() -> None:
    async with served(OneCase()) as client:
        page = (await client.get("/d/ada")).text
    select = page[page.index('<select id="to"') : page.index("</select>", page.index('id="to"'))]
    assert re.findall(r"<option[^>]*>([^<]*)<", select) == [
        "Choose a person or group",
        "bob",
        "owner",
    ]


async def test_after_it_was_handed_on_the_page_says_so() -> None:
    pages = OneCase()
    data = {"verb": "route", "seen": pages.revision, "to": "bob", "note": "yours"}
    async with served(pages) as client:
        page = await client.post("/d/ada", data=data, follow_redirects=True)
    assert ("You handed it on to bob" in page.text, pages.facts.decisions[0].to) == (True, "bob")


async def test_the_words_of_who_handed_it_on_are_shown_as_theirs() -> None:
    pages = OneCase(shown=packet(notes=(("cleo", "You know this customer"),)))
    async with served(pages) as client:
        page = (await client.get("/d/ada")).text
    assert "cleo handed this to you, and says" in page
    assert '<div class="said">You know this customer</div>' in page


async def test_a_target_that_cannot_be_is_told_beside_the_choice_and_the_note_kept() -> None:
    pages = OneCase()
    data = {"verb": "route", "seen": pages.revision, "to": "zoe", "note": "yours"}
    response = await posted(pages, data)
    (form,) = [form for form in Forms(response.text).forms if "to" in form]
    assert (response.status_code, form["note"]) == (409, "yours")
    assert 'id="to-wrong">no person and no group is called zoe' in response.text


async def test_a_rule_that_offers_neither_shows_neither() -> None:
    pages = OneCase(shown=packet(choices=("approve", "reject"), routes=()))
    async with served(pages) as client:
        page = (await client.get("/d/ada")).text
    assert re.findall(r'href="#(edit|edit-json|route)"|id="(edit|route)"', page) == []


def test_the_schema_of_these_tests_is_one() -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(SCHEMA)
