"""Telling systemd that the daemon is there and not held up: sd_notify(3), its protocol alone."""

from __future__ import annotations

import contextlib
import os
import socket


class Notify:
    """Says it where `$NOTIFY_SOCKET` asks for it; else, and where nobody listens, nothing."""

    def __init__(self, path: str | None = None) -> None:
        asked = os.environ.get("NOTIFY_SOCKET", "") if path is None else path
        # An abstract socket is written with an @ in the place of its first, zero byte.
        self._address = f"\0{asked[1:]}" if asked.startswith("@") else asked

    def alive(self, status: str) -> None:
        """The daemon works; `status` is one line for `systemctl status`."""
        self._say(f"READY=1\nWATCHDOG=1\nSTATUS={' '.join(status.split())}")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told,
        ):
            told.setblocking(False)
            told.sendto(text.encode(), self._address)
