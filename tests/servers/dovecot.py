"""A private Dovecot 2.3: IMAP, IMAPS and LMTP on loopback for two people of example.test.

It runs as root (mail then belongs to `nobody`) and as any other user. `base` must be a short path
that every user may enter, because Dovecot's own unprivileged processes work below it.
"""

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificate import Certificate, make_certificate
from tests.servers.process import LOOPBACK, ServerFailed, free_port, serving, tail

PASSWORD = "secret"
APPROVALS = "approvals@example.test"
REVIEWER = "reviewer@example.test"

CONFIGURATION = """
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate.chain}
ssl_key = <{certificate.key}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no

namespace inbox {{
  inbox = yes
  separator = /
  mailbox Processed {{
    auto = create
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {base}/users
}}
protocol lmtp {{
  postmaster_address = postmaster@example.test
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service lmtp {{
  chroot =
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
service auth {{
  user = {auth_user}
  inet_listener {{
    port = {sasl_port}
  }}
}}
service auth-worker {{
  user = {auth_user}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running Dovecot: where to reach it, and what to trust."""

    base: Path
    imap_port: int
    imaps_port: int
    lmtp_port: int
    sasl_port: int
    certificate: Certificate
    host: str = LOOPBACK

    def log(self) -> str:
        """The end of what it logged."""
        return tail(self.base / "dovecot.log")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve for as long as the block lasts; again and again, with the mail of before."""
        argv = [_program(), "-F", "-c", str(self.base / "dovecot.conf")]
        with serving(argv, [self.imap_port, self.lmtp_port], self.base / "dovecot.log"):
            yield


def new_dovecot(base: Path, settings: str = "") -> Dovecot:
    """Lay out a Dovecot in the empty directory `base`; `settings` are added to its own."""
    server = Dovecot(
        base, free_port(), free_port(), free_port(), free_port(), make_certificate(base)
    )
    _configure(server, settings)
    return server


@contextlib.contextmanager
def dovecot_at(base: Path) -> Iterator[Dovecot]:
    """Run a Dovecot in the empty directory `base` for as long as the block lasts."""
    server = new_dovecot(base)
    with server.running():
        yield server


def _program() -> str:
    program = shutil.which("dovecot", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise ServerFailed("dovecot is not installed")
    version = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=True
    ).stdout
    if not version.startswith("2.3."):
        raise ServerFailed(f"these tests know the settings of Dovecot 2.3, not of {version}")
    return program


def _configure(server: Dovecot, settings: str) -> None:
    root = os.geteuid() == 0
    me = pwd.getpwuid(os.geteuid())
    my_group = grp.getgrgid(os.getegid()).gr_name
    mail_user = pwd.getpwnam("nobody") if root else me
    mail = server.base / "mail"
    mail.mkdir()
    if root:
        os.chown(mail, mail_user.pw_uid, mail_user.pw_gid)
    (server.base / "users").write_text(
        "".join(
            f"{user}:{{PLAIN}}{PASSWORD}:{mail_user.pw_uid}:{mail_user.pw_gid}::{mail}/{user}::\n"
            for user in (APPROVALS, REVIEWER)
        )
    )
    (server.base / "dovecot.conf").write_text(
        CONFIGURATION.format(
            base=server.base,
            certificate=server.certificate,
            internal_user="dovecot" if root else me.pw_name,
            internal_group="dovecot" if root else my_group,
            login_user="dovenull" if root else me.pw_name,
            auth_user="$default_internal_user" if root else me.pw_name,
            imap_port=server.imap_port,
            imaps_port=server.imaps_port,
            lmtp_port=server.lmtp_port,
            sasl_port=server.sasl_port,
        )
        + settings
    )
