"""What our own mail server found out about a mail's sender: its Authentication-Results (RFC 8601).

Only the topmost field counts, and only if it bears the configured name: whatever stands below or
in its place, the sender may have written. Servers put words of the sender into these fields
unquoted, so that a domain such as `example.com(.evil.test` could hide the rest of itself in a
comment. A field is therefore first brought to a plain form, by a grammar that takes no such thing;
`authres` reads that. What either cannot read says nothing.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from hitl_mail.review.headers import Fields, first

_LONGEST = 4000
_ID = re.compile(r"([A-Za-z0-9._-]+)(?:\s+1)?")
_VALUE = r"(?:\"[^\"]*\"|[^\s\"]*)"
_RESULT = re.compile(
    r"([A-Za-z0-9-]+)\s*(?:/\s*\d{1,3}\s*)?=\s*([A-Za-z0-9-]+)"
    rf"((?:\s+[A-Za-z0-9._-]+={_VALUE})*)"
)
_PROPERTY = re.compile(rf"\s+([A-Za-z0-9._-]+)=({_VALUE})")
_METHOD = re.compile(r"(?:^|[\s;])[A-Za-z0-9-]+=[A-Za-z]+$")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")
_WANTED = frozenset({"header.from", "header.d", "header.i", "smtp.mailfrom"})


class Authentication(msgspec.Struct, frozen=True, omit_defaults=True):
    """`result`: `pass` (aligned with From), `fail`, or `none` (nothing of our server's that can
    be read, and nothing that we could check ourselves). `method` is what passed: dmarc, dkim or
    spf, or `own dkim`. `detail` says why not."""

    result: Literal["pass", "fail", "none"]
    method: str = ""
    detail: str = ""

    def document(self) -> dict[str, Any]:
        """As evidence in a decision."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def authenticate(fields: Fields, authserv_id: str, sender: str) -> Authentication:
    """Whether our server vouches for the domain of `sender`, a plain address."""
    value = first(fields, "authentication-results")
    if not value:
        return Authentication("none", detail="no Authentication-Results")
    domain = sender.rpartition("@")[2].lower()
    try:
        name, results = _parse(_plain(value))
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return Authentication("none", detail="Authentication-Results cannot be read")
    if name.lower() != authserv_id.lower():
        return Authentication("none", detail=f"the topmost one is of {name[:100]}")
    return _weigh(results, domain)


def aligned(domain: str, other: str) -> bool:
    """Whether two domains are the same, or one lies in the other (relaxed alignment, RFC 7489)."""
    domain, other = domain.lower().rstrip("."), other.lower().rstrip(".")
    if "." not in domain or "." not in other:
        return domain == other
    return domain == other or domain.endswith(f".{other}") or other.endswith(f".{domain}")


def _plain(value: str) -> str:
    """The same field without comments, without what we do not weigh, and every address cut down
    to its domain. Raises `ValueError` for what is not plainly one result after the other."""
    if len(value) > _LONGEST:
        raise ValueError("too long")
    name, *segments = (segment.strip() for segment in _segments(value))
    match = _ID.fullmatch(name)
    if match is None:
        raise ValueError("no authserv-id")
    # Some servers end the last result with a semicolon too.
    results = [_result(segment) for segment in segments if segment]
    return "; ".join([match[1], *(filter(None, results))]) + ("" if any(results) else "; none")


def _segments(value: str) -> list[str]:
    """What stands between semicolons, comments taken out."""
    segments, depth, quoted, escaped = [""], 0, False, False
    for char in value:
        if escaped:
            escaped = False
        elif char == "\\" and (depth or quoted):
            escaped = True
        elif depth:
            depth += (char == "(") - (char == ")")
        elif char == '"' or quoted:
            quoted ^= char == '"'
            segments[-1] += char
        elif char == "(":
            before = segments[-1]
            # Yahoo and Zoho write `dmarc=pass(p=none)`. Behind anything else, no server does.
            if before[-1:].strip() and not _METHOD.search(before):
                raise ValueError("a comment inside a word")
            segments[-1] += " "
            depth = 1
        elif char == ";":
            segments.append("")
        elif char in ")\\":
            raise ValueError(f"a stray {char}")
        else:
            segments[-1] += char
    if depth or quoted:
        raise ValueError("a comment or a quoted text without end")
    return segments


def _result(segment: str) -> str:
    if segment.lower() == "none":
        return ""
    match = _RESULT.fullmatch(segment)
    if match is None:
        raise ValueError(f"no result: {segment[:100]}")
    found: dict[str, str] = {}
    for written, value in _PROPERTY.findall(match[3]):
        name = written.lower()
        if name not in _WANTED:
            continue
        domain = value.strip('"').strip("<>").rpartition("@")[2]
        if name in found or (domain and not _DOMAIN.fullmatch(domain)):
            raise ValueError(f"no domain: {value[:100]}")
        found[name] = domain
    return " ".join([f"{match[1]}={match[2]}", *(f"{n}={d}" for n, d in found.items() if d)])


def _parse(plain: str) -> tuple[str, list[tuple[str, str, dict[str, str]]]]:
    """The server's name and its (method, result, properties)."""
    from authres import AuthenticationResultsHeader
    from authres.core import AuthResError

    try:
        parsed = AuthenticationResultsHeader.parse(f"Authentication-Results: {plain}")
    except AuthResError as error:
        raise ValueError(str(error)) from None
    results = []
    for result in parsed.results:
        properties = {
            f"{item.type}.{item.name}".lower(): str(item.value) for item in result.properties
        }
        results.append((str(result.method).lower(), str(result.result).lower(), properties))
    return str(parsed.authserv_id), results


def _weigh(results: list[tuple[str, str, dict[str, str]]], domain: str) -> Authentication:
    said = ", ".join(f"{method}={result}" for method, result, _ in results)[:200]
    dmarc = [(result, found) for method, result, found in results if method == "dmarc"]
    if dmarc:
        passed = all(
            result == "pass" and found.get("header.from", domain).lower() == domain
            for result, found in dmarc
        )
        # A domain without a DMARC policy says `none`; its DKIM or SPF may still speak for it.
        if passed or any(result != "none" for result, _ in dmarc):
            return Authentication("pass" if passed else "fail", "dmarc" if passed else "", said)
    for method, result, found in results:
        if result != "pass":
            continue
        if method == "dkim" and aligned(_domain(found, "header.d", "header.i"), domain):
            return Authentication("pass", "dkim", said)
        if method == "spf" and aligned(_domain(found, "smtp.mailfrom"), domain):
            return Authentication("pass", "spf", said)
    return Authentication("fail", detail=said or "nothing passed")


def _domain(found: dict[str, str], *names: str) -> str:
    value = next((found[name] for name in names if found.get(name)), "")
    return value.rpartition("@")[2]
