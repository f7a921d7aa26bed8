"""`make torture`: the fault tests for as long as one likes, one seeded round after the other.

    make torture                           ten minutes, from a seed of its own
    make torture TORTURE_SECONDS=3600      an hour
    make torture TORTURE_SEED=4711         the one round of that seed again

A round is what its seed makes it: a storm of kills, failing calls and clock jumps over Maildirs or
over real mail servers, a walk that dies at, or fails, every call to the system of one story, or ten
thousand files at once. The first round that fails ends the run with its seed, the command that
repeats it, and its home left in place. What the daemon and the kernel do side by side is not
repeated by a seed: a rare fault may take several runs of it.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.failing_daemon import Zygote
from tests.acceptance.failpoints import CALLS, POINTS
from tests.acceptance.flood import flood
from tests.acceptance.home import TestHome
from tests.acceptance.lives import STORIES, Lives, Outside
from tests.acceptance.storm import FOUL, storm
from tests.acceptance.storm_mail import Servers
from tests.acceptance.storm_site import RULES, SCRIPT, site
from tests.acceptance.walks import walk, walk_failures
from tests.servers.dovecot import dovecot_at
from tests.servers.process import free_port
from tests.servers.smtp_sink import smtp_sink_at
from tests.servers.webhook import receiver

Round = Callable[[random.Random, int, Path, Zygote], str]


def storm_over_maildirs(chance: random.Random, seed: int, base: Path, zygote: Zygote) -> str:
    home = TestHome(base / "home", free_port(), site=site(), rules=RULES, script=SCRIPT)
    deaths, longest = chance.randint(10, 40), chance.uniform(0.5, 3.0)
    made = storm(home, zygote, seed, deaths=deaths, lives=(0.2, longest), weather=FOUL, patience=60)
    return f"{len(made.dropped)} actions, {made.deaths} ends, {made.stops} of them told of a fault"


def storm_over_servers(chance: random.Random, seed: int, base: Path, zygote: Zygote) -> str:
    mail = base / "mail"
    mail.mkdir()
    with dovecot_at(mail) as dovecot, smtp_sink_at(base) as sink:
        post = Servers(sink, dovecot)
        home = TestHome(base / "home", free_port(), site=post.site(), rules=RULES, script=SCRIPT)
        post.prepare(home)
        deaths, longest = chance.randint(8, 25), chance.uniform(1.0, 4.0)
        made = storm(
            home,
            zygote,
            seed,
            deaths=deaths,
            lives=(0.3, longest),
            weather=FOUL,
            post=post,
            patience=60,
        )
    return f"{len(made.dropped)} actions, {made.deaths} ends, {made.stops} of them told of a fault"


def deaths(chance: random.Random, seed: int, base: Path, zygote: Zygote) -> str:
    with _lives(base, zygote) as new_life:
        name, phase = _story(chance)
        died = walk(new_life, name, phase, (*POINTS, *CALLS))
    return f"the story {name!r}, phase {phase}: {died} deaths"


def failures(chance: random.Random, seed: int, base: Path, zygote: Zygote) -> str:
    with _lives(base, zygote) as new_life:
        name, phase = _story(chance)
        stopped = walk_failures(new_life, name, phase)
    return f"the story {name!r}, phase {phase}: stopped {stopped} times"


def ten_thousand_files(chance: random.Random, seed: int, base: Path, zygote: Zygote) -> str:
    return str(flood(base / "home", free_port(), 10_000, within=600.0))


ROUNDS: tuple[Round, ...] = (
    storm_over_maildirs,
    storm_over_servers,
    deaths,
    storm_over_maildirs,
    failures,
    ten_thousand_files,
)


@contextmanager
def _lives(base: Path, zygote: Zygote) -> Iterator[Lives]:
    with smtp_sink_at(base) as sink, receiver() as post:
        yield Lives(base, zygote, Outside(sink, post))


def _story(chance: random.Random) -> tuple[str, int]:
    name = chance.choice(list(STORIES))
    return name, chance.choice((0, 1)) if STORIES[name].says is not None else 0


def one_round(seed: int) -> bool:
    """Whether it went well; its home stays where it did not."""
    play = ROUNDS[seed % len(ROUNDS)]
    print(f"seed {seed}: {play.__name__.replace('_', ' ')} … ", end="", flush=True)
    begun = time.monotonic()
    base = Path(tempfile.mkdtemp(prefix="hitl-torture-"))
    base.chmod(0o755)
    zygote = Zygote(base / "output")
    try:
        said = play(random.Random(seed), seed, base, zygote)
    except Exception as error:  # noqa: BLE001
        print(f"FAILED\n{type(error).__name__}: {error}\n")
        print(f"seed {seed} failed; its home is in {base}")
        print(f"again: make torture TORTURE_SEED={seed}", flush=True)
        return False
    finally:
        zygote.close()
    shutil.rmtree(base, ignore_errors=True)
    print(f"{said} ({time.monotonic() - begun:.0f} s)", flush=True)
    return True


def main() -> int:
    """Rounds until the time is over; no round is begun after that."""
    if seed := os.environ.get("TORTURE_SEED"):
        return 0 if one_round(int(seed)) else 1
    seconds = float(os.environ.get("TORTURE_SECONDS") or 600)
    end, first = time.monotonic() + seconds, time.time_ns() // 1_000_000 % 1_000_000_000
    rounds = 0
    while time.monotonic() < end:
        if not one_round(first + rounds):
            return 1
        rounds += 1
    print(f"{rounds} rounds in {seconds:g} s, none failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
