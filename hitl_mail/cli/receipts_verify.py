"""`receipts verify`: whether anybody tampered with receipts, in a home or in an export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hitl_mail import bootstrap
from hitl_mail.cli.output import emit_json, json_option, safe
from hitl_mail.errors import UsageError
from hitl_mail.home import find_home

if TYPE_CHECKING:
    from hitl_mail.adapters.receipts.anchors import Anchors


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUB",
    help="A public key in base64, or a file such as receipts.pub. Needs no home.",
)
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="MAIL|DIGEST",
    help="A digest (sha256:...), or a saved mail that names a receipt: it must be in the chain.",
)
@click.option("--print-key", is_flag=True, help="Print the public keys of this home, newest last.")
@json_option
@click.pass_obj
def verify(
    home: str,
    file: Path | None,
    keys: tuple[str, ...],
    anchors: tuple[str, ...],
    print_key: bool,
    as_json: bool,
) -> None:
    """Check that every receipt is there, and as it was sealed; or those of FILE, an export.

    Fetch the public key once, by a way you trust, and keep it: --print-key.
    """
    if print_key:
        _print_key(home, as_json)
        return
    if file is None and keys:
        raise UsageError("--key goes with FILE; a home is verified by the keys it has")
    held = _anchors(anchors)
    if file is None:
        report = bootstrap.verify_receipts(find_home(home), held)
    else:
        report = _file(home, file, keys, held)
    report["anchors"] = held.count
    if as_json:
        emit_json(report)
    else:
        _tell(report)
    sys.exit(0 if report["ok"] else 1)


def _print_key(home: str, as_json: bool) -> None:
    from hitl_mail.adapters.keys.keys import load_public_keys, show_public_keys

    found = show_public_keys(load_public_keys(find_home(home).state))
    if as_json:
        emit_json(found)
        return
    for key in found:
        click.echo(key["public"])


def _anchors(given: tuple[str, ...]) -> Anchors:
    from hitl_mail.adapters.receipts.anchors import Anchors as Of
    from hitl_mail.review.anchors import is_digest, read_anchors

    placed: list[tuple[int, str, str]] = []
    for name in given:
        if is_digest(name):
            continue
        try:
            found = read_anchors(Path(name).read_bytes())
        except OSError as error:
            raise UsageError(
                f"{name}: neither a digest (sha256: and 64 hexadecimal digits) nor a mail that can"
                f" be read: {error.strerror}"
            ) from None
        if not found:
            raise UsageError(f"{name}: this mail names no receipt with its digest")
        placed += [(seq, digest, name) for seq, digest in found]
    return Of(tuple(placed), tuple(name for name in given if is_digest(name)))


def _file(home: str, file: Path, keys: tuple[str, ...], anchors: Anchors) -> dict[str, Any]:
    from hitl_mail.adapters.keys.keys import load_public_keys, read_public_key
    from hitl_mail.adapters.receipts.verify_file import verify_file

    known: dict[str, bytes] = {}
    for key in keys:
        known.update(read_public_key(key))
    if not keys:
        try:
            known = load_public_keys(find_home(home).state)
        except UsageError as error:
            raise UsageError(f"without --key PUB, the keys of a home are needed: {error}") from None
    report = verify_file(file, known, anchors)
    fault = report.fault
    return {
        "ok": fault is None,
        "count": report.count,
        "seq": report.head_seq,
        "digest": report.head_digest,
        "whole": report.whole and fault is None,
        "fault": {"seq": fault.seq, "file": fault.file, "what": fault.what} if fault else None,
    }


def _tell(report: dict[str, Any]) -> None:
    if not report["ok"]:
        fault = report["fault"]
        where = f"receipt #{fault['seq']} in {fault['file']}"
        click.echo(f"{safe(where, 2000)}: {safe(fault['what'], 2000)}", err=True)
    elif not report["count"] and not report["anchors"]:
        click.echo("No receipts yet.")
    else:
        head = f"#{report['seq']} {report['digest']}"
        many = "1 receipt" if report["count"] == 1 else f"{report['count']} receipts"
        click.echo(f"{many} verified; head {head}")
        if report["anchors"]:
            click.echo(f"In it, each at its place: {report['anchors']} of the anchors given.")
        if report.get("unexplained"):
            gone = report["unexplained"]
            some = ", ".join(f"#{seq}" for seq in gone[:20]) + (", …" if len(gone) > 20 else "")
            click.echo(f"Erased, and no receipt says by whom: {some}. Ask who can write the files.")
        if not report.get("whole", True):
            click.echo(
                "Each of them is as it was sealed. Numbers are missing, as in an export of some"
                " receipts: this cannot show that none was left out. An export of all can."
            )
