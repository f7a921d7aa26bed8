"""The real server around any pages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from hitl_mail.adapters.web.app import web_app
from hitl_mail.adapters.web.server import WebServer
from hitl_mail.pages import Pages

TEMPLATES = Path(__file__).parents[2] / "templates"


@asynccontextmanager
async def served(
    pages: Pages, templates: Sequence[Path] = (TEMPLATES,), **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the pages on a free loopback port."""
    server = WebServer(web_app(pages, templates, **settings), "127.0.0.1:0")
    await server.start()
    base = f"http://127.0.0.1:{server.port}"
    try:
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            yield client
    finally:
        await server.stop()
