"""What our own mail server found out about a mail's sender: its Authentication-Results (RFC 8601).

Only the topmost field counts, and only if it bears the configured name: whatever stands below or
in its place, the sender may have written.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from hitl_mail.review.headers import Fields, first

_LONGEST = 4000


class Authentication(msgspec.Struct, frozen=True, omit_defaults=True):
    """`result`: `pass` (aligned with From), `fail`, or `none` (nothing of our server's that can
    be read). `method` is what passed: dmarc, dkim or spf. `detail` says why not."""

    result: Literal["pass", "fail", "none"]
    method: str = ""
    detail: str = ""

    def document(self) -> dict[str, Any]:
        """As evidence in a decision."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def authenticate(fields: Fields, authserv_id: str | None, sender: str) -> Authentication:
    """Whether our server vouches for the domain of `sender`, a plain address."""
    value = first(fields, "authentication-results")
    if not value:
        return Authentication("none", detail="no Authentication-Results")
    if authserv_id is None:
        return Authentication("none", detail="no authserv_id is configured")
    domain = sender.rpartition("@")[2].lower()
    try:
        name, results = _parse(value)
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


def _parse(value: str) -> tuple[str, list[tuple[str, str, dict[str, str]]]]:
    """The server's name and its (method, result, properties)."""
    from authres import AuthenticationResultsHeader
    from authres.core import AuthResError

    try:
        parsed = AuthenticationResultsHeader.parse(f"Authentication-Results: {value[:_LONGEST]}")
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
