"""A private Postfix on loopback that hands the mail of example.test to a Dovecot by LMTP.

It needs root, as every Postfix does. It offers STARTTLS and asks Dovecot about passwords, accepts
mail for example.test from anybody on loopback, and never sends anything off the machine.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificate import Certificate
from tests.servers.dovecot import Dovecot
from tests.servers.process import LOOPBACK, ServerFailed, free_port, serving, tail

MAIN = """
compatibility_level = 3.6
queue_directory = {base}/spool
data_directory = {base}/data
maillog_file = {base}/postfix.log
maillog_file_prefixes = {base}
import_environment = MAIL_CONFIG TZ
myhostname = mx.example.test
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains =
virtual_mailbox_domains = example.test
virtual_mailbox_maps = static:any
virtual_transport = lmtp:inet:127.0.0.1:{lmtp_port}
default_transport = error:this server sends nothing off the machine
recipient_delimiter = +
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate.chain}
smtpd_tls_key_file = {certificate.key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl_port}
smtputf8_enable = yes
smtpd_error_sleep_time = 0s
minimal_backoff_time = 2s
queue_run_delay = 2s
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 2 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running Postfix; whoever logs in uses a user and the password of its Dovecot."""

    base: Path
    port: int
    certificate: Certificate
    host: str = LOOPBACK

    def log(self) -> str:
        """The end of what it logged."""
        return tail(self.base / "postfix.log")


@contextlib.contextmanager
def postfix_at(base: Path, dovecot: Dovecot) -> Iterator[Postfix]:
    """Run a Postfix in the empty directory `base` for as long as the block lasts."""
    server = Postfix(base, free_port(), dovecot.certificate)
    etc = base / "etc"
    for directory in (etc, base / "spool", base / "data"):
        directory.mkdir()
    shutil.chown(base / "data", "postfix")
    (etc / "master.cf").write_text(MASTER.format(port=server.port))
    (etc / "main.cf").write_text(
        MAIN.format(
            base=base,
            lmtp_port=dovecot.lmtp_port,
            sasl_port=dovecot.sasl_port,
            certificate=dovecot.certificate,
        )
    )
    _make_queues(etc)
    daemons = subprocess.run(
        [_program("postconf"), "-c", str(etc), "-h", "daemon_directory"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    log = base / "postfix.log"
    with serving([f"{daemons}/master", "-c", str(etc), "-d"], [server.port], log):
        yield server


def _make_queues(etc: Path) -> None:
    made = subprocess.run(
        [_program("postfix"), "-c", str(etc), "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise ServerFailed(f"postfix check: {made.stderr}{tail(etc.parent / 'postfix.log')}")


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise ServerFailed(f"{name} is not installed")
    return found
