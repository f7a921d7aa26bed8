"""hitl-mail: an email-and-CLI approval daemon for teams that let AI agents do real work."""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hitl_mail.adapters.receipts.book import open_receipts

__all__ = ["__version__", "open_receipts"]


def __getattr__(name: str) -> object:
    """Import `open_receipts` when it is asked for: `import hitl_mail` stays cheap."""
    if name == "open_receipts":
        from hitl_mail.adapters.receipts.book import open_receipts

        return open_receipts
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
