"""The executors of design 1.4, by their type. Knows nothing of cases: an order comes in, an
attempt goes out."""

from __future__ import annotations

from pathlib import Path

from hitl_mail import ports
from hitl_mail.adapters.clock import SYSTEM_CLOCK
from hitl_mail.adapters.execute.command import CommandExecutor
from hitl_mail.adapters.execute.http import HttpExecutor
from hitl_mail.adapters.execute.mail import MailExecutor
from hitl_mail.settings import Executor


def executor_for(
    settings: Executor, home: Path, outbox: ports.Outbox, clock: ports.Clock = SYSTEM_CLOCK
) -> ports.Executor:
    """What carries out the orders of these settings; relative paths in them start at `home`.

    Raises `ValueError` for the type `agent`: there the agent itself executes, by permit.
    """
    match settings.type:
        case "command":
            return CommandExecutor(settings, home)
        case "http":
            return HttpExecutor(settings, home, clock)
        case "mail":
            return MailExecutor(settings, outbox, clock)
        case "agent":
            raise ValueError("an agent's action is executed by the agent: issue a permit")
