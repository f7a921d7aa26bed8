"""The headers every answer carries: nothing is loaded, framed, kept, sniffed or passed on.

CSP: https://www.w3.org/TR/CSP3/. The one style sheet stands in the page and is let in by its
hash, so there is no second request and no other style can be injected.
"""

from __future__ import annotations

import base64
import hashlib

Headers = list[tuple[bytes, bytes]]


def strict_headers(style: str | None = None) -> Headers:
    """Headers for one answer; `style` is the exact text inside its `<style>`, if it has one."""
    style_src = f"'sha256-{_sha256(style)}'" if style is not None else "'none'"
    policy = (
        f"default-src 'none'; style-src {style_src}; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return [
        (b"content-security-policy", policy.encode("ascii")),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-robots-tag", b"noindex, nofollow"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        # One request a connection: its lifetime is then the bound on slow visitors.
        (b"connection", b"close"),
    ]


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
