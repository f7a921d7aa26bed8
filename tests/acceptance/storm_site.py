"""The home over which a storm goes: three agents, three people, a kind for each way of a case."""

from __future__ import annotations

SITE = """
[site]
name = "Test approvals"
admins = ["cleo"]
[mail]
address = "{address}"
{mail}
[mail.authentication]
require = "token"
[web]
bind = "127.0.0.1:{{port}}"
base_url = "http://127.0.0.1:{{port}}"
[people.ada]
mail = "ada@example.com"
[people.bob]
mail = "bob@example.com"
[people.cleo]
mail = "cleo@example.com"
os_user = "{{user}}"
[agents.billing]
spool = "spool/billing"
[agents.crm]
spool = "spool/crm"
[executors.once]
type = "command"
argv = ["{{python}}", "{{script}}", "{{ran}}", "0"]
[executors.again]
type = "command"
argv = ["{{python}}", "{{script}}", "{{ran}}", "0"]
idempotent = true
[executors.broken]
type = "command"
argv = ["{{python}}", "{{script}}", "{{ran}}", "3"]
[executors.busy]
type = "command"
argv = ["{{python}}", "{{script}}", "{{ran}}", "75"]
retries = 1
[executors.busy_again]
type = "command"
argv = ["{{python}}", "{{script}}", "{{ran}}", "75"]
retries = 1
idempotent = true
"""

KINDS = {
    "auto.once": "once",
    "auto.again": "again",
    "auto.broken": "broken",
    "auto.busy": "busy",
    "auto.busyagain": "busy_again",
    "auto.permit": None,
    "sample.once": "once",
    "ask.reply": "once",
    "ask.replyagain": "again",
    "ask.reject": "once",
    "ask.edit": "once",
    "ask.post": "once",
    "ask.control": "once",
    "ask.cancel": "once",
    "ask.expire": "once",
    "deny.it": "once",
}
IDEMPOTENT = {"auto.again", "auto.busyagain", "ask.replyagain"}

RULES = """
[policy]
unmatched = "hard"
reviewers = ["ada", "bob"]
expires = "24h"
[[rules]]
name = "auto"
when = 'kind.startsWith("auto.")'
gate = "auto"
reviewers = ["cleo"]
[[rules]]
name = "sample"
when = 'kind.startsWith("sample.")'
gate = "sample"
rate = 0.5
reviewers = ["ada"]
[[rules]]
name = "ask"
when = 'kind.startsWith("ask.") && kind != "ask.control"'
gate = "hard"
reviewers = ["ada", "bob", "cleo"]
[[rules]]
name = "control"
when = 'kind == "ask.control"'
gate = "hard"
reviewers = ["cleo"]
[[rules]]
name = "deny"
when = 'kind == "deny.it"'
gate = "deny"
""" + "".join(
    f'[kinds."{kind}"]\ntitle = "Do {{payload.n}}"\n'
    + (f'executor = "{executor}"\n' if executor else "")
    for kind, executor in KINDS.items()
)

# One synced write at the start and one at the end, so that two runs show whenever they are killed.
SCRIPT = """
import json, os, sys, time
payload = json.loads(sys.stdin.readline())
ran = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def note(what):
    line = [os.environ["HITL_CASE"], os.environ["HITL_IDEMPOTENCY_KEY"], what]
    os.write(ran, (json.dumps(line) + "\\n").encode())
    os.fsync(ran)
note("start")
time.sleep(payload["takes"])
note("end")
sys.exit(int(sys.argv[2]))
"""
SPOOLS = {"default": "spool", "billing": "spool/billing", "crm": "spool/crm"}


def site(address: str = "approvals@example.com", mail: str = 'transport = "maildir"') -> str:
    """`hitl-mail.toml`, for `TestHome` to fill in."""
    return SITE.format(address=address, mail=mail)
