"""For agents: hand in an action, wait for what became of it, and act on a permit.

    from hitl_mail.client import Client, gated

    client = Client(home="~/approvals")
    action = client.submit("payment.refund", {"amount": 49}, "Refund the double charge")
    result = client.wait(action)          # raises Rejected, Expired, Denied, Failed, ...

`AsyncClient` has the same methods for asyncio. `gated` wraps a function of the agent's own, so
that it runs with what was approved, once. Nothing of the daemon is imported, and nothing slow: an
agent needs no more of a home than its spool.
"""

from hitl_mail.client.aio import AsyncClient
from hitl_mail.client.gate import gated
from hitl_mail.client.outcome import (
    Canceled,
    Decision,
    Denied,
    Ended,
    Expired,
    Failed,
    InDoubt,
    Permit,
    Rejected,
    Result,
    StillOpen,
)
from hitl_mail.client.spool import Submitted
from hitl_mail.client.sync import Client
from hitl_mail.errors import HitlError, Refused, UsageError

__all__ = [
    "AsyncClient",
    "Canceled",
    "Client",
    "Decision",
    "Denied",
    "Ended",
    "Expired",
    "Failed",
    "HitlError",
    "InDoubt",
    "Permit",
    "Refused",
    "Rejected",
    "Result",
    "StillOpen",
    "Submitted",
    "UsageError",
    "gated",
]
