"""Secrets that an admin keeps in files of their own."""

from __future__ import annotations

from hitl_mail.errors import UsageError
from hitl_mail.home import Home


def read_password(home: Home, file: str | None, where: str) -> str | None:
    """The first line of a password file, which nobody else may read."""
    if file is None:
        return None
    path = home.root / file
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path}: others may read this password; run: chmod 600 {path}")
        return path.read_text("utf-8").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise UsageError(
            f"{path}: the password of [{where}] cannot be read: {_why(error)}. Write it there, on"
            f" one line, with mode 0600, or mend password_file under [{where}]."
        ) from None


def _why(error: Exception) -> str:
    match error:
        case IndexError():
            return "it is empty"
        case OSError():
            return str(error.strerror)
    return "it is not UTF-8"
