"""The keys of a home: what signs receipts, links, addresses, samples and permits.

Private keys lie in `state/keys/` and are readable by the daemon's OS user alone; the public half
of the receipts' key lies in `state/receipts.pub`, so that whoever may read receipts can verify
them. In each file the newest key is last; older ones only verify, until they retire. How a new one
comes in is in `keys_rotate`.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitl_mail import __version__
from hitl_mail.adapters.durable import replace_file
from hitl_mail.errors import HitlError, Newer, StorageFailed, UsageError, explain_os

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
    since: Mapping[str, tuple[float, ...]]
    """When each key of a keyring was made, in seconds since the epoch."""
    retires: dt.datetime | None = None
    """When the next of the older keys ceases to verify."""


def key_id(public: bytes) -> str:
    """The name of an Ed25519 key, from the 32 raw bytes of its public half."""
    return "ed25519:" + hashlib.sha256(public).hexdigest()[:16]


def create_keys(state: Path, now: dt.datetime, public_mode: int = 0o600) -> None:
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
            halves = _known_halves(directory / "receipts.json")
            replace_file(public_path(state), [key_file(show_public_keys(halves))], public_mode)
    except OSError as error:
        raise StorageFailed(f"keys could not be written: {explain_os(error, directory)}") from error


def load_keys(state: Path, now: dt.datetime | None = None) -> Keys:
    """Read all keys that have not retired by `now`.

    Raises `UsageError` where one is missing, malformed or readable by others.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    directory, now = state / "keys", now or dt.datetime.now(dt.UTC)
    rings = {name: _read_private(directory / f"{name}.json", "secret", now) for name in KEYRINGS}
    private = _read_private(directory / "receipts.json", "private", now)
    signing = Ed25519PrivateKey.from_private_bytes(private[-1])
    ends = [
        dt.datetime.fromisoformat(key["retires"])
        for name in KEYRINGS
        for key in read_entries(directory / f"{name}.json")
        if "retires" in key
    ]
    return Keys(
        **rings,
        key_id=key_id(signing.public_key().public_bytes_raw()),
        sign=signing.sign,
        public=_known_halves(directory / "receipts.json"),
        since={name: _since(directory / f"{name}.json", now) for name in KEYRINGS},
        retires=min((end for end in ends if end > now), default=None),
    )


def load_sampling(state: Path) -> tuple[bytes, ...]:
    """The keys that draw samples, the newest last. Raises `UsageError`."""
    return _read_private(state / "keys" / "sampling.json", "secret", dt.datetime.now(dt.UTC))


def load_addresses(state: Path) -> tuple[bytes, ...]:
    """The keys of reply addresses, the newest last. Raises `UsageError`."""
    return _read_private(state / "keys" / "addresses.json", "secret", dt.datetime.now(dt.UTC))


def load_public_keys(state: Path) -> dict[str, bytes]:
    """What verifies receipts: 32 raw bytes by key id. Needs no right but to read `receipts.pub`.

    Raises `UsageError`.
    """
    raws = _read(public_path(state), "public")
    return {key_id(raw): raw for raw in raws}


def read_public_key(text: str) -> dict[str, bytes]:
    """What somebody gives to verify receipts with: a file such as `receipts.pub`, one of lines
    with a key each, or a key as `show_public_keys` tells it. 32 raw bytes by key id. Raises
    `UsageError`."""
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):
        is_file = False
    if is_file:
        raws = _bare_lines(Path(text)) or _read(Path(text), "public")
        return {key_id(raw): raw for raw in raws}
    raw = _bare(text)
    if raw is None:
        raise UsageError(
            f"{text}: neither a file of public keys nor one key in base64; "
            "print it where the home is: hitl-mail receipts verify --print-key"
        )
    return {key_id(raw): raw}


def _bare(text: str) -> bytes | None:
    """A key that is nothing but base64, as it is printed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == _KEY_BYTES else None


def _bare_lines(file: Path) -> tuple[bytes, ...]:
    """The keys of a file that holds what was printed, one a line; none if it is anything else."""
    try:
        lines = file.read_text("ascii").split()
    except (OSError, ValueError):
        return ()
    raws = tuple(raw for raw in map(_bare, lines) if raw is not None)
    return raws if len(raws) == len(lines) else ()


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


def _known_halves(path: Path) -> dict[str, bytes]:
    """The public halves of all keys that ever signed: of those gone, only these are kept."""
    raws = [
        _public_half(_raw(path, key, "private")) if "private" in key else _raw(path, key, "public")
        for key in read_entries(path)
    ]
    return {key_id(raw): raw for raw in raws}


def _public_half(private: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def _create(path: Path, material: dict[str, bytes], created: str) -> None:
    if not path.exists():
        ((kind, raw),) = material.items()
        replace_file(path, [key_file([new_entry(kind, raw, created)])], 0o600)


def new_entry(kind: str, raw: bytes, created: str) -> dict[str, str]:
    """A key as its file has it; `kind` is `secret` or `private`."""
    return {"id": _name(kind, raw), kind: _text(raw), "created": created}


def public_entry(entry: Mapping[str, str]) -> dict[str, str]:
    """What everybody may know of a private key's entry."""
    return {"id": entry["id"], "public": _text(_public_half(base64.b64decode(entry["private"])))}


def key_file(keys: Sequence[Mapping[str, str]]) -> bytes:
    """A whole file of keys, the newest last."""
    return json.dumps({"format": 1, "keys": list(keys)}, indent=2).encode() + b"\n"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _read_private(path: Path, kind: str, now: dt.datetime) -> tuple[bytes, ...]:
    """The keys of a private file that have not retired by `now`; the newest never has."""
    kept = [key for key in _kept(path, now) if kind in key]
    if not kept:
        raise _malformed(path)
    return tuple(_raw(path, key, kind) for key in kept)


def _kept(path: Path, now: dt.datetime) -> list[dict[str, str]]:
    entries = read_entries(path)
    return [key for key in entries if key is entries[-1] or not is_retired(key, now)]


def _since(path: Path, now: dt.datetime) -> tuple[float, ...]:
    """When each key was made; long ago where that is not told."""
    made = (key.get("created") for key in _kept(path, now))
    return tuple(dt.datetime.fromisoformat(at).timestamp() if at else 0.0 for at in made)


def _read(path: Path, kind: str) -> tuple[bytes, ...]:
    return tuple(_raw(path, key, kind) for key in read_entries(path, private=False))


def is_retired(key: Mapping[str, str], now: dt.datetime) -> bool:
    """Whether the time that a key was kept for is over."""
    return "retires" in key and dt.datetime.fromisoformat(key["retires"]) <= now


def read_entries(path: Path, *, private: bool = True) -> list[dict[str, str]]:
    """The keys in a file, as they stand there. Raises `UsageError`, `Newer`."""
    try:
        if private and path.stat().st_mode & 0o077:
            raise UsageError(f"{path}: this key is readable by others. Run: chmod 600 {path}")
        file: Any = json.loads(path.read_bytes())
        number = file["format"]
        if type(number) is not int or number < 1:
            raise _malformed(path)
        if number > 1:
            raise Newer(path, number, __version__)
        keys: list[dict[str, str]] = [_entry(key) for key in file["keys"]]
        moments = [key["created"] for key in keys if key.get("created")]
        moments += [key["retires"] for key in keys if "retires" in key]
        aware = all(dt.datetime.fromisoformat(moment).tzinfo is not None for moment in moments)
    except OSError as error:
        raise _unreadable(path, error) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _malformed(path) from None
    if not keys or not aware:
        raise _malformed(path)
    return keys


def _entry(key: Any) -> dict[str, str]:
    """A key as it stands in a file. Raises ValueError or TypeError for what is none."""
    entry = dict(key)
    if "id" not in entry or not all(isinstance(value, str) for value in entry.values()):
        raise ValueError("a key has an id, and only texts")
    return entry


def _raw(path: Path, key: Mapping[str, str], kind: str) -> bytes:
    try:
        raw = base64.b64decode(key[kind], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise _malformed(path) from None
    if len(raw) != _KEY_BYTES or key.get("id", _name(kind, raw)) != _name(kind, raw):
        raise _malformed(path)
    return raw


def _name(kind: str, raw: bytes) -> str:
    """What a key is called: a digest, so that a damaged one does not pass for another key."""
    if kind == "secret":
        return hashlib.sha256(raw).hexdigest()[:16]
    return key_id(_public_half(raw) if kind == "private" else raw)


def _unreadable(path: Path, error: OSError) -> HitlError:
    mend = "Only the OS user who runs the daemon may read keys."
    if isinstance(error, FileNotFoundError):
        mend = "Restore it from a backup: keys are made once, by hitl-mail init."
    return UsageError(f"{path}: cannot be read: {error.strerror}. {mend}")


def _malformed(path: Path) -> HitlError:
    return UsageError(f"{path}: not a key file, or damaged. Restore it from a backup.")
