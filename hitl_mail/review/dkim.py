"""Our own look at a mail's DKIM signatures (RFC 6376), where no server of ours checks senders.

Stricter than the RFC: what we act on (From, Subject, To, the whole body) has to be signed, and be
there once. The DNS is handed in; this must not know how it is asked. Never raises.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from hitl_mail.review.authentication import Authentication
from hitl_mail.review.headers import Fields, find_defect, read_fields, values

FindTxt = Callable[[str], bytes | None]
"""The TXT record of a name: its strings joined, None if there is none. Raises `OSError` where the
DNS gives no answer. May take seconds: not for the event loop."""

ONCE = ("from", "subject", "to")
_LEAST_BITS = 1024
_MOST_SIGNATURES = 5
_MOST_KEY = 4096
_MOST_SIGNATURE = 8000
_MOST_MESSAGE = 10 * 1024 * 1024
_SEP = re.compile(r"\s*:\s*")
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_SPACES = re.compile(rb"[ \t]+")
_DIGITS = re.compile(r"[0-9]{1,12}")
# What dkimpy raises on made-up mails and keys beside its own: each reachable by reading it.
_BROKEN = (LookupError, AttributeError, ValueError, TypeError, AssertionError, ArithmeticError)


class _Refused(Exception):
    """Why a signature does not count."""


def check_dkim(message: bytes, sender: str, find_txt: FindTxt, now: float) -> Authentication:
    """Whether the domain of `sender`, a plain address, has signed this mail.

    `pass`, `fail`, or `none` where nothing of that domain's is there to be checked, or the DNS
    did not answer. `now` is in seconds since the epoch: a signature may have expired.
    """
    fields = read_fields(message)
    signatures = values(fields, "dkim-signature")
    if not signatures:
        return Authentication("none", detail="no DKIM signature")
    if why := _unfit(message, fields):
        return Authentication("fail", detail=why)
    message = message.lstrip(b"\r\n")
    domain = sender.rpartition("@")[2].lower()
    said, tried, silent = [], 0, ""
    for index, signature in enumerate(signatures):
        tags = _tags(signature)
        signer = tags.get("d", "").lower()
        if not covers(signer, domain):
            continue
        tried += 1
        if tried > _MOST_SIGNATURES:
            break
        try:
            _check(message, index, tags, find_txt, now)
        except _Refused as refused:
            said.append(f"{signer}: {refused}")
        except OSError:
            # Waited for once: another name of the same domain would take as long.
            silent = f"the DNS gave no key of {signer}; it may do so later"
            break
        else:
            selector = tags.get("s", "").lower()
            return Authentication("pass", "own dkim", f"d={signer} s={selector}")
    if silent:
        return Authentication("none", detail=silent)
    if not said:
        return Authentication("none", detail=f"no DKIM signature of {domain}")
    return Authentication("fail", detail="; ".join(said)[:300])


def covers(signer: str, domain: str) -> bool:
    """Whether a signature of `signer` speaks for `domain`: itself, or a domain that it lies in.

    No public-suffix list: whoever can put a key under `_domainkey.co.uk` owns `co.uk`, and with
    it what lies below. A domain below that of the sender does not speak for it.
    """
    if "." not in signer or not _NAME.fullmatch(signer) or len(signer) > 253:
        return False
    return domain == signer or domain.endswith(f".{signer}")


def _unfit(message: bytes, fields: Fields) -> str:
    """Why no signature of this mail is looked at."""
    if why := find_defect(message):
        return why
    if len(message) > _MOST_MESSAGE:
        return "it is too long for its signature to be checked"
    if b"\r" in message.replace(b"\r\n", b""):
        return "its text has a bare carriage return"
    for name in ONCE:
        if (count := len(values(fields, name))) != 1:
            return f"it has {'no' if not count else 'more than one'} {name.capitalize()}"
    return ""


def _tags(signature: str) -> dict[str, str]:
    """The tags of an unfolded signature; none at all where one is given twice."""
    tags: dict[str, str] = {}
    for part in signature[:_MOST_SIGNATURE].split(";"):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or name in tags:
            if not part.strip():
                continue
            return {}
        tags[name] = value.strip()
    return {} if len(signature) > _MOST_SIGNATURE else tags


def _check(message: bytes, index: int, tags: dict[str, str], find_txt: FindTxt, now: float) -> None:
    """Raises `_Refused` unless this signature counts and is right, `OSError` from the DNS."""
    signer = tags["d"].lower()
    if "l" in tags:
        raise _Refused("it signs only the beginning of the text")
    if tags.get("a") != "rsa-sha256":
        raise _Refused("its algorithm is not rsa-sha256")
    signed = {name.lower() for name in _SEP.split(tags.get("h", ""))}
    if missing := [name.capitalize() for name in ONCE if name not in signed]:
        raise _Refused(f"it does not sign {', '.join(missing)}")
    if "x" in tags and (not _DIGITS.fullmatch(tags["x"]) or int(tags["x"]) < now):
        raise _Refused("it has expired")
    identity = tags.get("i", f"@{signer}").lower().rpartition("@")[2]
    if identity != signer and not identity.endswith(f".{signer}"):
        raise _Refused("its i= is of another domain")
    if not _NAME.fullmatch(tags.get("s", "").lower()):
        raise _Refused("its selector is no name")
    key = find_txt(f"{tags['s'].lower()}._domainkey.{signer}")
    if not key or len(key) > _MOST_KEY:
        raise _Refused("its key is not in the DNS")
    record = _tags(key.decode("ascii", "replace"))
    _look_at_key(record, exact=identity == signer)
    relaxed = tags.get("c", "").partition("/")[2].strip().lower() == "relaxed"
    # Without what was looked at: dkimpy finds no key in a record with several services.
    plain = "; ".join(f"{tag}={record[tag]}" for tag in ("v", "p") if tag in record)
    if not _verify(_relaxed(message) if relaxed else message, index, plain.encode()):
        raise _Refused("it does not match what arrived")


def _look_at_key(record: dict[str, str], *, exact: bool) -> None:
    """What a key's owner says of its use (RFC 6376, 3.6.1), and dkimpy does not look at."""
    flags = _SEP.split(record.get("t", ""))
    if "y" in flags:
        raise _Refused("its key is only on trial")
    if "s" in flags and not exact:
        raise _Refused("its key is for no subdomain")
    if not {"*", "email"} & set(_SEP.split(record.get("s", "*"))):
        raise _Refused("its key is not for mail")
    if "sha256" not in _SEP.split(record.get("h", "sha256")):
        raise _Refused("its key is for another algorithm")
    if record.get("k", "rsa") != "rsa" or not record.get("p"):
        raise _Refused("its key is none for RSA, or has been revoked")


def _verify(message: bytes, index: int, key: bytes) -> bool:
    import dkim

    # dkimpy tells its log of every mail that fails; that is not this site's trouble.
    mute = logging.Logger("dkim", logging.CRITICAL + 1)
    try:
        dkim.evaluate_pk("its key", key)
        checked = dkim.DKIM(message, logger=mute, minkey=_LEAST_BITS)
        return bool(checked.verify(index, dnsfunc=lambda *_, **__: key))
    except dkim.KeyFormatError as error:
        raise _Refused(f"its key does not do: {error}"[:150]) from None
    except dkim.DKIMException as error:
        raise _Refused("it is broken" if not str(error) else f"{error}"[:150]) from None
    except _BROKEN:
        raise _Refused("it cannot be read") from None


def _relaxed(message: bytes) -> bytes:
    """The mail with its text as relaxed canonicalization wants it (RFC 6376, 3.4.4).

    dkimpy looks for spaces at the ends of lines with a pattern that takes quadratic time on a
    long run of them; here it finds no run.
    """
    head, empty, body = message.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = _SPACES.sub(b" ", body).split(b"\n")
    return head + empty + b"\n".join(line.removesuffix(b" ") for line in lines)
