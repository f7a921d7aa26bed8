"""Names of parametrized cases that can be typed again.

pytest escapes what a name holds beyond plain ASCII, and does not find the escaped name when it is
asked for it; mutation testing asks for every test by its name.
"""

from __future__ import annotations

import re


def plain(value: object) -> str:
    """The beginning of a value, in plain characters."""
    return re.sub(r"[^ -\[\]-~]", "_", ascii(value))[:60]
