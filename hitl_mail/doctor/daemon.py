"""Whether the daemon runs, is well, and can be reached where its mails say."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from hitl_mail.doctor.finding import Finding, fault, note, ok
from hitl_mail.doctor.told import Health, daemon_faults, said, stale
from hitl_mail.errors import HitlError
from hitl_mail.home import Home
from hitl_mail.settings import Site

_PATIENCE = 10.0


def check_daemon(home: Home, now: float) -> Iterator[Finding]:
    """That one runs, of this version, and all that it says of itself."""
    running, health = home.running(), said(home)
    found = [*daemon_faults(home, running, health, now), *_outdated(running, health)]
    yield from found or [
        ok("daemon", f"process {health.get('pid')} since {health.get('started_at')}")
    ]


def _outdated(running: bool, health: Health) -> Iterator[Finding]:
    """What was changed since it started."""
    for what in stale(running, health):
        yield fault("daemon", what, "Start the daemon again.")


async def check_web(home: Home, site: Site, now: float) -> list[Finding]:
    """Whether the links of our mails lead to this daemon."""
    if not home.running():
        return [_port(site.web.bind)]
    if not site.web.base_url:
        return [note("web", "no base_url is set: mails have no links, only reply commands")]
    import httpx

    mend = "Mend base_url under [web], or the proxy that leads from it to the daemon."
    base = site.web.base_url.rstrip("/")
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:
            there = await client.get(base + "/healthz")
            ours = await client.get(_link(home, site, now))
    except httpx.HTTPError as error:
        return [fault("web", f"{base} cannot be reached: {error or type(error).__name__}", mend)]
    except (HitlError, OSError) as error:
        return [note("web", f"whether {base} leads here cannot be tried: {error}")]
    if there.status_code not in (200, 503):
        what = f"{base}/healthz answers {there.status_code}: it is not hitl-mail"
        return [fault("web", what, mend)]
    if ours.status_code != 200:
        what = f"{base} is the hitl-mail of another home: it does not know our links"
        return [fault("web", what, mend)]
    return [ok("web", f"{base} leads here")]


def _link(home: Home, site: Site, now: float) -> str:
    """A link such as a mail bears, to what waits for an admin: only this home's daemon opens it."""
    from hitl_mail.adapters.keys.keys import load_keys
    from hitl_mail.review.links import Links, link_url

    links = Links(load_keys(home.state).links[::-1])
    person = next(iter((*site.site.admins, *site.people)))
    return link_url(str(site.web.base_url), "queue", links.make("queue", "", "", person, now))


def _port(bind: str) -> Finding:
    host, _, port = bind.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            return fault(
                "web",
                f"{bind} cannot be used: {error.strerror}",
                "Set another port in bind, and in base_url, under [web].",
            )
    return ok("web", f"{bind} is free for the daemon")
