"""Mails signed with DKIM by a key of the test's own, and a DNS that knows it."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

DOMAIN, SELECTOR = "example.com", "s1"
SIGNED = ("From", "To", "Subject", "Message-ID")


@functools.cache
def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def record(bits: int = 2048, **tags: str) -> bytes:
    """The TXT record of the key; a tag given as `""` is left empty."""
    public = key(bits).public_key()
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    whole = {"v": "DKIM1", "k": "rsa", "p": base64.b64encode(der).decode(), **tags}
    return "; ".join(f"{name}={value}" for name, value in whole.items()).encode()


@dataclass
class Dns:
    """Answers with `records`, and keeps what it was asked. An exception there is raised."""

    records: Mapping[str, bytes | OSError] = field(
        default_factory=lambda: {f"{SELECTOR}._domainkey.{DOMAIN}": record()}
    )
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> bytes | None:
        self.asked.append(name)
        found = self.records.get(name)
        if isinstance(found, OSError):
            raise found
        return found


class _Signer(dkim.DKIM):  # type: ignore[misc, unused-ignore]
    """Signs with tags that dkimpy does not write by itself."""

    more: tuple[tuple[bytes, bytes], ...] = ()
    canonical = b""

    def gen_header(self, fields, *args, **kwargs):  # type: ignore[no-untyped-def]
        fields = [(name, self.canonical if name == b"c" else value) for name, value in fields]
        return super().gen_header([*fields[:-1], *self.more, fields[-1]], *args, **kwargs)


def signed(
    message: bytes,
    domain: str = DOMAIN,
    *,
    fields: tuple[str, ...] = SIGNED,
    canonical: str = "relaxed/relaxed",
    identity: str | None = None,
    length: bool = False,
    algorithm: str = "rsa-sha256",
    bits: int = 2048,
    **tags: str,
) -> bytes:
    """The mail with a signature on top. `tags` are more of the signature's, such as `x`."""
    private = key(bits).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    signer = _Signer(message, signature_algorithm=algorithm.encode())
    signer.more = tuple((name.encode(), value.encode()) for name, value in tags.items())
    signer.canonical = canonical.encode()
    head, _, body = signer.canonical.partition(b"/")
    signature: bytes = signer.sign(
        SELECTOR.encode(),
        domain.encode(),
        private,
        identity=identity.encode() if identity else None,
        canonicalize=(head, body or b"simple"),
        include_headers=[name.lower().encode() for name in fields],
        length=length,
    )
    return signature + message
