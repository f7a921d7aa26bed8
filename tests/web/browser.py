"""A headless Chromium, driven over its DevTools pipe: https://chromedevtools.github.io/devtools-protocol/."""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)
PATIENCE = 60.0


class Tab:
    """One page, `width` pixels wide. `complaints` are what the browser's log said of it."""

    def __init__(self, reader: asyncio.StreamReader, out: int) -> None:
        self.complaints: list[str] = []
        self.width = 0
        self._reader = reader
        self._out = out
        self._sent = 0
        self._loads = 0
        self._session: str | None = None

    async def open(self, width: int, height: int) -> None:
        self.width = width
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        await self.call("Log.enable")
        await self.call("Page.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
        await self.call("Emulation.setDeviceMetricsOverride", **size)

    async def go(self, url: str) -> None:
        """Open an address and wait until the page is loaded."""
        self._loads = 0
        await self.call("Page.navigate", url=url)
        await self.loaded()

    async def loaded(self) -> None:
        """Wait for a page to load, unless one has loaded since the last wait."""
        while not self._loads:
            await self._next()
        self._loads = 0

    async def ask(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def press(self, key: str, code: int) -> None:
        """A real key, down and up."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text
            )

    async def tab_to(self, wanted: str, most: int = 60) -> None:
        """Press Tab until what has the focus fits a JavaScript condition on `focus`."""
        for _ in range(most):
            await self.press("Tab", 9)
            if await self.ask(f"(focus => {wanted})(document.activeElement)"):
                return
        raise AssertionError(f"{most} tabs led to nothing with {wanted}")

    async def type(self, text: str) -> None:
        """Text into what has the focus, as a keyboard or an input method gives it."""
        await self.call("Input.insertText", text=text)

    async def scheme(self, name: str) -> None:
        """Prefer the `light` or the `dark` colours."""
        feature = {"name": "prefers-color-scheme", "value": name}
        await self.call("Emulation.setEmulatedMedia", features=[feature])

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._sent += 1
        message: dict[str, Any] = {"id": self._sent, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = await self._next()
            if answer.get("id") == self._sent:
                result: dict[str, Any] = answer["result"]
                return result

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            message: dict[str, Any] = json.loads((await self._reader.readuntil(b"\0"))[:-1])
        self._loads += message.get("method") == "Page.loadEventFired"
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])
        return message


@asynccontextmanager
async def chromium(profile: Path, width: int = 360, height: int = 640) -> AsyncIterator[Tab]:
    """A browser with a profile of its own and one tab the size of a small phone."""
    its_in, out = _pipe()
    into, its_out = _pipe()
    # The browser wants its pipe at the descriptors 3 and 4; only a shell can put it there.
    redirect = f'exec chromium "$@" 3<&{its_in} 4>&{its_out}'
    browser = await asyncio.create_subprocess_exec(
        *("bash", "-c", redirect, "chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"),
        pass_fds=(its_in, its_out),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(its_in)
    os.close(its_out)
    reader = asyncio.StreamReader(limit=2**24)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(into, "rb", 0)
    )
    try:
        tab = Tab(reader, out)
        await tab.open(width, height)
        yield tab
    finally:
        # It ends when its pipe does.
        os.close(out)
        try:
            async with asyncio.timeout(PATIENCE):
                await browser.wait()
        except TimeoutError:
            browser.kill()
            await browser.wait()
        transport.close()


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are not among the descriptors a shell uses."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
