"""New case ids. The random half comes from the operating system; whether an id is taken already
is the caller's to know."""

from __future__ import annotations

import datetime as dt
import secrets

from hitl_mail.core.action import CASE_ALPHABET, date_prefix

RANDOM_LETTERS = 6


def new_case_id(now: float, tz: dt.tzinfo) -> str:
    """`YYMMDD-` in the site's time zone, and six letters or digits: one of 887 million a day."""
    # One draw for all: asking the system letter by letter is felt where thousands wait.
    rest, letters = secrets.randbelow(len(CASE_ALPHABET) ** RANDOM_LETTERS), ""
    for _ in range(RANDOM_LETTERS):
        rest, letter = divmod(rest, len(CASE_ALPHABET))
        letters += CASE_ALPHABET[letter]
    return f"{date_prefix(now, tz)}-{letters}"
