"""Fixtures for tests that talk to real servers.

A missing package is a skip on a developer's machine and a failure under CI, with the same words.
"""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

# Its plugin would import it at the end of a run, when a test of deep recursion may have left
# CPython 3.11 unable to compile.
import hypothesis  # noqa: F401
import pytest

from tests.servers.dovecot import Dovecot, dovecot_at
from tests.servers.postfix import Postfix, postfix_at
from tests.servers.relay import Relay, relay_to
from tests.servers.smtp_sink import SmtpSink, smtp_sink_at

SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


def needs(program: str, packages: str) -> None:
    """Skip, or under CI fail, where `program` is not on this machine."""
    if shutil.which(program, path=SBIN):
        return
    message = f"{program} is not installed; on Debian: apt-get install {packages}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def server_base() -> Iterator[Path]:
    """A short path that the servers' own users may enter, which pytest's tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="hitl-", ignore_cleanup_errors=True) as directory:
        base = Path(directory)
        base.chmod(0o755)
        yield base


@pytest.fixture(scope="session")
def dovecot(server_base: Path) -> Iterator[Dovecot]:
    """A Dovecot for the whole run; tests keep to messages of their own."""
    needs("dovecot", "dovecot-imapd dovecot-lmtpd")
    base = server_base / "dovecot"
    base.mkdir()
    with dovecot_at(base) as server:
        yield server


@pytest.fixture(scope="session")
def postfix(server_base: Path, dovecot: Dovecot) -> Iterator[Postfix | Relay]:
    """A Postfix that delivers to `dovecot`; without root, a relay that does the same."""
    if os.geteuid() != 0:
        with relay_to(dovecot) as relay:
            yield relay
        return
    needs("postfix", "postfix")
    base = server_base / "postfix"
    base.mkdir()
    with postfix_at(base, dovecot) as server:
        yield server


@pytest.fixture
def smtp_sink(tmp_path: Path) -> Iterator[SmtpSink]:
    """An SMTP server that accepts all mail, unless scripted; plain, without a login."""
    with smtp_sink_at(tmp_path) as sink:
        yield sink


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers logged beside the test that failed."""
    report = yield
    if report.failed:
        for name in ("dovecot", "postfix"):
            server = getattr(item, "funcargs", {}).get(name)
            if server is not None:
                report.sections.append((f"{name} log", server.log()))
    return report
