"""Making a home, and giving its directories the modes of design 1.1."""

from __future__ import annotations

import datetime as dt
import grp
import os
import re
import stat
import sys
import zoneinfo
from pathlib import Path

from hitl_mail.adapters.spool.files import write_new
from hitl_mail.bootstrap.reading import load_site, os_user
from hitl_mail.bootstrap.setup import Setup, check, write_site
from hitl_mail.errors import ConfigError, Problem, UsageError
from hitl_mail.home import Home
from hitl_mail.resources import shipped
from hitl_mail.settings import Site

_SHOWN = ("journal", "policies", "receipts", "cache")
"""Below `state/`, what `[site] group` may read. Not the keys."""

_SHOWN_FILES = ("health.json", "lock", "receipts.pub")
"""In `state/` itself, likewise. Not what else is there: the passwords and secrets of the site."""

_OURS = ("rules.toml", "spool", "control", "mail", "state")


def create_home(
    directory: str | Path, setup: Setup | None = None, password: str | None = None
) -> Home:
    """Make a home at `directory` that works at once, with these answers. `password` is of the mail
    account. Raises `UsageError` where there is a home, or an answer cannot be."""
    if setup is None:
        return _create(directory, "hitl-mail.toml", "rules.toml", {})
    check(setup)
    text = write_site((shipped("config") / "hitl-mail.toml").read_text("utf-8"), setup)
    home = _create(directory, text, "rules.toml", {})
    if password is not None:
        write_new(home.state / "mail-password", f"{password}\n".encode())
    return home


def first_person() -> tuple[str, str]:
    """Whom a home is for that nobody was asked about: name and mail address."""
    words = _placeholders()
    return words["@PERSON@"], words["@MAIL@"]


def create_demo_home(directory: str | Path, port: int) -> Home:
    """The demo's home: executors that do no harm, pages on `port` of loopback."""
    return _create(directory, "demo.toml", "demo-rules.toml", {":8025": f":{port}"})


def _create(directory: str | Path, site: str, rules: str, changes: dict[str, str]) -> Home:
    """`site` is the name of a shipped file, or the whole text of one."""
    from hitl_mail.adapters.keys.keys import create_keys

    if not str(directory):
        raise UsageError("DIR is empty: name the directory to make a home of")
    home = Home(Path(directory).absolute())
    if home.site_file.exists():
        raise UsageError(f"{home.root} is a home already; nothing was changed")
    _check_ours(home.root)
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.root.chmod(0o700)
    _fill({home.rules_file: rules, home.site_file: site}, changes)
    prepare(home, load_site(home))
    create_keys(home.state, dt.datetime.now(dt.UTC))
    return home


def _check_ours(root: Path) -> None:
    """Refuse to close what others use, and to write over what is there. Raises `UsageError`."""
    if not root.exists():
        return
    found = root.stat()
    if not root.is_dir():
        raise UsageError(f"{root} is no directory; name a new one")
    if found.st_uid != os.getuid() or found.st_mode & stat.S_IWOTH:
        raise UsageError(
            f"{root} belongs to others, too, and a home is closed to all but its daemon;"
            " nothing was changed. Name a new directory"
        )
    taken = [name for name in _OURS if os.path.lexists(root / name)]
    if taken:
        raise UsageError(
            f"{root} holds {', '.join(taken)} already; nothing was changed. Name a new directory,"
            " or move that away"
        )


def prepare(home: Home, site: Site) -> None:
    """Make the directories that are missing, and give all the modes of design 1.1."""
    from hitl_mail.adapters.spool.directory import SpoolDirectory

    group = _group(site)
    shown = [home.state / name for name in _SHOWN]
    for path in (home.root, home.state, *shown, home.state / "keys", home.root / "mail"):
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
    if group is not None:
        _share(home, shown, group)
    for root in home.spools(site).values():
        SpoolDirectory(root, site.limits.action_bytes).create()
    SpoolDirectory(home.control, site.limits.action_bytes, refused=False).create(group)
    for maildir in (home.mail_in, home.mail_out):
        for name in ("", "tmp", "new", "cur"):
            (maildir / name).mkdir(mode=0o700, exist_ok=True)


def _share(home: Home, shown: list[Path], group: int) -> None:
    """Let a group look: at what is there, and by the set-group-ID bit at what the daemon adds."""
    for path, mode in ((home.root, 0o750), *((path, 0o2750) for path in (home.state, *shown))):
        os.chown(path, -1, group)
        path.chmod(mode)
    named = (home.state / name for name in _SHOWN_FILES)
    inside = (file for path in shown for file in path.iterdir())
    files = (file for file in (*named, *inside) if file.is_file())
    for file in (home.site_file, home.rules_file, *files):
        os.chown(file, -1, group)
        file.chmod(0o640)


def _group(site: Site) -> int | None:
    if site.site.group is None:
        return None
    try:
        return grp.getgrnam(site.site.group).gr_gid
    except KeyError:
        mend = f"Make it: groupadd {site.site.group}"
        what = f'no OS group "{site.site.group}" on this machine'
        raise ConfigError([Problem("hitl-mail.toml", None, "site.group", what, mend)]) from None


def _placeholders() -> dict[str, str]:
    """What the shipped configuration leaves open: the first person, here and now."""
    user = os_user(os.getuid())
    person = re.sub(r"[^a-z0-9_-]+", "-", user.lower()).strip("-") or "admin"
    return {
        "@PERSON@": person,
        "@OS_USER@": user,
        "@MAIL@": f"{person}@localhost",
        "@TIMEZONE@": _timezone(),
        "@PYTHON@": sys.executable,
    }


def _timezone() -> str:
    """This machine's time zone by its IANA name, UTC where it has none."""
    target = Path("/etc/localtime").resolve()
    for name in (os.environ.get("TZ", ""), "/".join(target.parts[-2:]), target.name):
        if name in zoneinfo.available_timezones():
            return name
    return "UTC"


def _fill(sources: dict[Path, str], changes: dict[str, str]) -> None:
    words = _placeholders()
    for path, source in sources.items():
        text = source
        if "\n" not in source:
            text = (shipped("config") / source).read_text("utf-8")
        for old, new in (*words.items(), *changes.items()):
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
        path.chmod(0o600)
