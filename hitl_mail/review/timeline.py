"""A case's history in words, one line for each thing that happened, in its order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hitl_mail.core.decide import CODES
from hitl_mail.core.duration import show_duration

_DOORS = {"mail": "by mail", "link": "by a link", "cli": "at the command line"}
_SENT = {
    "ask": "asked by mail",
    "remind": "reminded by mail",
    "escalate": "asked by mail, for nobody had answered",
    "doubt": "asked by mail what to do now",
    "review": "asked by mail to look at it afterwards",
}
_PLAIN = {
    "denied": "the rules deny it",
    "rejected": "it is rejected and does not run",
    "expired": "it expired and does not run",
    "succeeded": "it ran and succeeded",
    "failed": "it failed",
    "held": "it failed, and a person decides what happens now",
    "doubted": "nobody knows whether it ran, and a person decides",
    "resumed": "it is to be tried again",
}

_UNDECIDED = {
    **CODES,
    "help": "it asked what can be answered",
    "not_understood": "it was not understood",
    "unavailable": "its command is not to be had by mail",
    "ambiguous": "it said more than a decision",
    "too_long": "the mail that asked could not show it whole",
    "automatic": "it looks like an automatic reply",
    "not_believed": "it is not certain who wrote it",
    "bad_edit": "its change cannot be made",
}
"""Why a mail was answered that it decided nothing, by the answer's key."""


def happened(document: Mapping[str, Any]) -> Iterator[tuple[dt.datetime, str]]:
    """(when, what) of the events alone, as a page tells them: no mails."""
    events = sorted(_events(document, _several(document)), key=lambda line: line[0])
    return ((_moment(at), words) for at, words in events)


def timeline(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(when, since the beginning, what) of a case as `show --json` tells it.

    Events and mails are told in the order of their times; the verdict and decisions' notes where
    they belong. The texts hold agents' and reviewers' words: make them safe.
    """
    several = _several(document)
    lines = [*_events(document, several), *_mails(document["packets"], several)]
    lines.sort(key=lambda line: line[0])
    begun = _moment(lines[0][0]) if lines else None
    for at, words in lines:
        since = (_moment(at) - begun).total_seconds() if begun else 0.0
        yield _clock(at), f"+{show_duration(since)}" if since >= 1 else "", words


def _several(document: Mapping[str, Any]) -> bool:
    """Whether there was more than one revision, so that each question and answer names its own."""
    return any(event["event"] in ("revised", "reopened") for event in document["events"])


def _at(one: Mapping[str, Any], several: bool) -> str:
    return f" (revision {one['revision']})" if several and one.get("revision") else ""


def _events(document: Mapping[str, Any], several: bool) -> Iterator[tuple[str, str]]:
    notes = {(said["at"], said["by"]): said.get("note", "") for said in document["decisions"]}
    for event in document["events"]:
        if event["event"] == "decided":
            note = notes.get((event["at"], event["by"]), "")
            yield event["at"], _decided(event, note, _at(event, several))
        elif words := _words(event, document):
            yield event["at"], words


def _words(event: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    match event["event"]:
        case "received":
            return _received(document)
        case "revised" | "reopened":
            why = f": {event['why']}" if event.get("why") else ""
            return f"revision {event['revision']} takes its place{why}"
        case "rejudged":
            return f"the rules were asked again: {event['gate']}"
        case "approved":
            return "the rules let it run" if event.get("by") == "policy" else "it is approved"
        case "canceled":
            why = f": {event['why']}" if event.get("why") else ""
            return f"withdrawn by {event['by']}{why}"
        case "handed":
            return _handed(event)
        case "permitted":
            until = f" until {event['until']}" if event.get("until") else ""
            return f"the agent has a permit to act{until}"
        case "started":
            attempt = event.get("attempt", 1)
            return "it runs" if attempt == 1 else f"it runs, attempt {attempt}"
        case "attempt_failed":
            return f"attempt {event['attempt']} failed: {event['error']}"
        case "reviewed":
            return f"looked at afterwards: {event.get('said')}"
        case "unreached":
            return f"{event['person']} is not reached ({event['why']}): {event['detail']}"
        case "answered":
            why = _UNDECIDED.get(event["key"], event["key"])
            return f"a mail of {event['person']} decided nothing: {why}"
        case "reminded":
            # The mails themselves tell of it.
            return ""
        case other:
            return _PLAIN.get(str(other), str(other))


def _received(document: Mapping[str, Any]) -> str:
    verdict = document["verdict"]
    rules = ", ".join(verdict["rules"]) or "policy"
    return f"arrived from {document['agent']}; {verdict['gate']} by {rules}"


def _decided(event: Mapping[str, Any], note: str, at: str) -> str:
    to = f" to {event['to']}" if event.get("to") else ""
    said = f": {note}" if note else ""
    return (
        f"{event['by']} said {event['verb']}{to} {_DOORS.get(event['via'], event['via'])}{at}{said}"
    )


def _handed(event: Mapping[str, Any]) -> str:
    to = ", ".join(event["to"])
    if event["why"] == "escalation":
        return f"nobody answered: the question goes to {to}, too"
    if event["why"] == "able":
        return f"more people may decide now: {to} is asked"
    if event["why"] == "away":
        return f"somebody is away: {to} is asked"
    return f"{event.get('by', 'somebody')} handed the question to {to}"


def _mails(packets: Any, several: bool) -> Iterator[tuple[str, str]]:
    """The mails that left, told together where they left together; erased ones are nobody's."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for packet in packets if isinstance(packets, Sequence) else ():
        if packet.get("at") and packet["status"] == "sent":
            key = (packet["at"], packet["about"], _at(packet, several))
            together.setdefault(key, []).append(packet["to"])
    for (at, about, revision), people in together.items():
        yield at, f"{_SENT.get(about, about)}{revision}: {', '.join(people)}"


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _clock(text: str) -> str:
    """Local time, as the admin's own watch shows it."""
    return f"{_moment(text).astimezone():%Y-%m-%d %H:%M:%S}"
