"""The keys of a home: what signs receipts, links, addresses, samples and permits.

Private keys lie in `state/keys/` and are readable by the daemon's OS user alone; the public half
of the receipts' key lies in `state/receipts.pub`, so that whoever may read receipts can verify
them. In each file the newest key is last; older ones only verify.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hitl_mail.adapters.durable import replace_file
from hitl_mail.errors import HitlError, StorageFailed, UsageError

KEYRINGS = ("links", "addresses", "sampling", "permits", "actions")
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys of a home. The keyrings are secrets of 32 bytes, the newest last."""

    links: tuple[bytes, ...]
    addresses: tuple[bytes, ...]
    sampling: tuple[bytes, ...]
    permits: tuple[bytes, ...]
    actions: tuple[bytes, ...]
    key_id: str
    sign: Callable[[bytes], bytes]
    public: Mapping[str, bytes]


def key_id(public: bytes) -> str:
    """The name of an Ed25519 key, from the 32 raw bytes of its public half."""
    return "ed25519:" + hashlib.sha256(public).hexdigest()[:16]


def create_keys(state: Path, now: datetime, public_mode: int = 0o600) -> None:
    """Make whatever key file is missing; what is there stays. `public_mode` is of `receipts.pub`.

    Raises `StorageFailed`, and what `load_keys` raises for a broken private key.
    """
    created = now.isoformat()
    directory = state / "keys"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in KEYRINGS:
            _create(directory / f"{name}.json", {"secret": os.urandom(_KEY_BYTES)}, created)
        _create(directory / "receipts.json", {"private": os.urandom(_KEY_BYTES)}, created)
        if not public_path(state).exists():
            halves = _public_halves(_read_private(directory / "receipts.json", "private"))
            replace_file(public_path(state), [_file(show_public_keys(halves))], public_mode)
    except OSError as error:
        raise StorageFailed(f"{directory}: keys could not be written: {error}") from error


def load_keys(state: Path) -> Keys:
    """Read all keys. Raises `UsageError` where one is missing, malformed or readable by others."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    directory = state / "keys"
    rings = {name: _read_private(directory / f"{name}.json", "secret") for name in KEYRINGS}
    private = _read_private(directory / "receipts.json", "private")
    public = _public_halves(private)
    signing = Ed25519PrivateKey.from_private_bytes(private[-1])
    newest = list(public)[-1]
    return Keys(**rings, key_id=newest, sign=signing.sign, public=public)


def load_sampling(state: Path) -> tuple[bytes, ...]:
    """The keys that draw samples, the newest last. Raises `UsageError`."""
    return _read_private(state / "keys" / "sampling.json", "secret")


def load_addresses(state: Path) -> tuple[bytes, ...]:
    """The keys of reply addresses, the newest last. Raises `UsageError`."""
    return _read_private(state / "keys" / "addresses.json", "secret")


def load_public_keys(state: Path) -> dict[str, bytes]:
    """What verifies receipts: 32 raw bytes by key id. Needs no right but to read `receipts.pub`.

    Raises `UsageError`.
    """
    raws = _read(public_path(state), "public")
    return {key_id(raw): raw for raw in raws}


def read_public_key(text: str) -> dict[str, bytes]:
    """What somebody gives to verify receipts with: a file such as `receipts.pub`, or a key as
    `show_public_keys` tells it. 32 raw bytes by key id. Raises `UsageError`."""
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):
        is_file = False
    if is_file:
        return {key_id(raw): raw for raw in _read(Path(text), "public")}
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise UsageError(
            f"{text}: neither a file of public keys nor one key in base64; "
            "print it where the home is: hitl-mail receipts verify --print-key"
        )
    return {key_id(raw): raw}


def show_public_keys(public: Mapping[str, bytes]) -> list[dict[str, str]]:
    """Public keys for people and programs, the newest last: `id`, and `public` in base64."""
    return [{"id": name, "public": _text(raw)} for name, raw in public.items()]


def public_path(state: Path) -> Path:
    """Where the public halves are."""
    return state / "receipts.pub"


def verifier(public: Mapping[str, bytes]) -> Callable[[str, bytes, bytes], bool]:
    """`verify(key id, signature, message)` for `core.receipt.check`; False for an unknown key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    keys = {name: Ed25519PublicKey.from_public_bytes(raw) for name, raw in public.items()}

    def verify(name: str, signature: bytes, message: bytes) -> bool:
        if name not in keys:
            return False
        try:
            keys[name].verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify


def _public_halves(private: tuple[bytes, ...]) -> dict[str, bytes]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    raws = [
        Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw() for raw in private
    ]
    return {key_id(raw): raw for raw in raws}


def _create(path: Path, material: dict[str, bytes], created: str) -> None:
    if path.exists():
        return
    ((kind, raw),) = material.items()
    if kind == "private":
        (name,) = _public_halves((raw,))
    else:
        # Named by a digest, so that the name says nothing and is the same wherever it is computed.
        name = hashlib.sha256(raw).hexdigest()[:16]
    replace_file(path, [_file([{"id": name, kind: _text(raw), "created": created}])], 0o600)


def _file(keys: list[dict[str, str]]) -> bytes:
    return json.dumps({"format": 1, "keys": keys}, indent=2).encode() + b"\n"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _read_private(path: Path, kind: str) -> tuple[bytes, ...]:
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path}: this key is readable by others. Run: chmod 600 {path}")
    except OSError as error:
        raise _unreadable(path, error) from None
    return _read(path, kind)


def _read(path: Path, kind: str) -> tuple[bytes, ...]:
    try:
        file: Any = json.loads(path.read_bytes())
        if file["format"] != 1:
            raise UsageError(f"{path}: format {file['format']} needs a newer hitl-mail")
        raws = tuple(base64.b64decode(key[kind], validate=True) for key in file["keys"])
    except OSError as error:
        raise _unreadable(path, error) from None
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise _malformed(path) from None
    if not raws or any(len(raw) != _KEY_BYTES for raw in raws):
        raise _malformed(path)
    return raws


def _unreadable(path: Path, error: OSError) -> HitlError:
    mend = "Only the OS user who runs the daemon may read keys."
    if isinstance(error, FileNotFoundError):
        mend = "Restore it from a backup: keys are made once, by hitl-mail init."
    return UsageError(f"{path}: cannot be read: {error.strerror}. {mend}")


def _malformed(path: Path) -> HitlError:
    return UsageError(f"{path}: not a key file. Restore it from a backup.")
