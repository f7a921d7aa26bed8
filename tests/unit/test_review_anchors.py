"""Which receipts a saved mail names, however it was kept."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from hitl_mail.review.anchors import is_digest, read_anchors

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


def mail(text: str, encoding: str = "7bit") -> bytes:
    message = EmailMessage()
    message["Subject"] = "Done"
    message.set_content(text, cte=encoding)
    return bytes(message)


@pytest.mark.parametrize(
    "text",
    [
        f"Receipt 118, {DIGEST}",
        f"Receipt #118, {DIGEST}.",
        f"> Receipt 118, {DIGEST}",
        f"> > Receipt 118,\n> > {DIGEST}",
        f"> Receipt 118,\n> {DIGEST[:66]}\n> {DIGEST[66:]}\n>\n> More",
        f"The newest of all receipts is #118, {DIGEST}",
    ],
)
@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_a_mail_names_its_receipt(text: str, encoding: str) -> None:
    assert read_anchors(mail(text, encoding)) == [(118, DIGEST)]


def test_a_text_that_is_no_mail_is_read_as_well() -> None:
    assert read_anchors(f"Receipt 118, {DIGEST}\n".encode()) == [(118, DIGEST)]


def test_a_text_that_names_another_hides_none() -> None:
    text = f"Receipt 5, {OTHER}\n\nReceipt 118, {DIGEST}\n"
    assert read_anchors(mail(text)) == [(5, OTHER), (118, DIGEST)]


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"Content-Type: text/plain; charset=klingon\n\nx", DIGEST.encode()]
)
def test_what_names_none_has_none(data: bytes) -> None:
    assert read_anchors(data) == []


def test_a_digest_is_told_from_a_file_name() -> None:
    assert (is_digest(DIGEST), is_digest("sha256:12"), is_digest("old.eml")) == (True, False, False)
