"""Mail providers: their servers, and what to know before using one.

From each provider's own help pages. Whether an address keeps a `+tag` is not among it: `doctor`
finds that out by a mail.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Preset(msgspec.Struct, frozen=True):
    """`smtp_tls` decides the port: 465 for `implicit`, 587 for `starttls`. IMAP is always 993.
    `usable` is false where no password is accepted."""

    name: str
    smtp: str
    imap: str
    smtp_tls: Literal["starttls", "implicit"] = "implicit"
    note: str = ""
    usable: bool = True


_APP = "It wants an app password, made in the account's security settings."

PRESETS: dict[str, Preset] = {
    "gmail": Preset("Gmail, Google Workspace", "smtp.gmail.com", "imap.gmail.com", note=_APP),
    "fastmail": Preset("Fastmail", "smtp.fastmail.com", "imap.fastmail.com", note=_APP),
    "icloud": Preset("iCloud", "smtp.mail.me.com", "imap.mail.me.com", "starttls", note=_APP),
    "yahoo": Preset("Yahoo", "smtp.mail.yahoo.com", "imap.mail.yahoo.com", note=_APP),
    "zoho": Preset("Zoho", "smtp.zoho.com", "imap.zoho.com", note=_APP),
    "gmx": Preset(
        "GMX", "mail.gmx.net", "imap.gmx.net", "starttls", note="Allow IMAP in its settings first."
    ),
    "webde": Preset(
        "WEB.DE", "smtp.web.de", "imap.web.de", "starttls", note="Allow IMAP in its settings first."
    ),
    "mailbox": Preset("mailbox.org", "smtp.mailbox.org", "imap.mailbox.org"),
    "posteo": Preset("Posteo", "posteo.de", "posteo.de"),
    "ionos": Preset("IONOS", "smtp.ionos.com", "imap.ionos.com"),
    "migadu": Preset("Migadu", "smtp.migadu.com", "imap.migadu.com"),
    "ovh": Preset("OVH", "ssl0.ovh.net", "ssl0.ovh.net"),
    "microsoft": Preset(
        "Outlook.com, Microsoft 365",
        "smtp.office365.com",
        "outlook.office365.com",
        "starttls",
        note="It takes no password from programs any more (OAuth only), and hitl-mail has no OAuth:"
        " use a mailbox elsewhere for the approvals. Reviewers may read theirs anywhere.",
        usable=False,
    ),
}

_DOMAINS = {
    "gmail": ("gmail.com", "googlemail.com"),
    "fastmail": ("fastmail.com", "fastmail.fm"),
    "icloud": ("icloud.com", "me.com", "mac.com"),
    "yahoo": ("yahoo.com", "yahoo.de", "yahoo.co.uk", "yahoo.fr"),
    "zoho": ("zoho.com", "zohomail.com"),
    "gmx": ("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com"),
    "webde": ("web.de",),
    "mailbox": ("mailbox.org",),
    "posteo": ("posteo.de", "posteo.net"),
    "microsoft": ("outlook.com", "hotmail.com", "live.com", "outlook.de"),
}

_EXCHANGES = {
    "google.com": "gmail",
    "googlemail.com": "gmail",
    "messagingengine.com": "fastmail",
    "icloud.com": "icloud",
    "yahoodns.net": "yahoo",
    "zoho.com": "zoho",
    "zoho.eu": "zoho",
    "mailbox.org": "mailbox",
    "posteo.de": "posteo",
    "kundenserver.de": "ionos",
    "ionos.com": "ionos",
    "1and1.com": "ionos",
    "migadu.com": "migadu",
    "ovh.net": "ovh",
    "protection.outlook.com": "microsoft",
}
"""Providers by the end of the name of a domain's mail exchange."""


def preset_of(domain: str, exchanges: tuple[str, ...] = ()) -> Preset | None:
    """The provider of a mail domain: one of its own domains, or where its mail is delivered to."""
    for name, domains in _DOMAINS.items():
        if domain.lower() in domains:
            return PRESETS[name]
    for exchange in exchanges:
        for end, name in _EXCHANGES.items():
            if f".{exchange.lower().rstrip('.')}".endswith(f".{end}"):
                return PRESETS[name]
    return None


def find_exchanges(domain: str, seconds: float = 3.0) -> tuple[str, ...]:
    """The mail exchanges of a domain (RFC 5321 section 5.1), best first; none where the DNS does
    not say."""
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(domain, "MX", lifetime=seconds)
    except (dns.exception.DNSException, OSError):
        return ()
    return tuple(str(one.exchange) for one in sorted(answer, key=lambda mx: mx.preference))
