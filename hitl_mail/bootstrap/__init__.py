"""The one place that knows which adapter stands behind which port.

`reading` is what the command line needs and imports little; `making` makes homes; `wiring` builds
the daemon, and is imported only where one is going to run.
"""

from hitl_mail.bootstrap.making import create_demo_home, create_home, first_person
from hitl_mail.bootstrap.reading import (
    lint_policy,
    load_config,
    load_policy_text,
    load_site,
    load_tested,
    os_user,
    parse_rules,
    past_receipts,
    read_belief,
    read_receipts,
    read_rules,
    read_state,
    read_tokens,
    read_world,
    sampling_keys,
    shared_users,
    site_facts,
    standing,
    verify_receipts,
)

__all__ = [
    "create_demo_home",
    "create_home",
    "first_person",
    "lint_policy",
    "load_config",
    "load_policy_text",
    "load_site",
    "load_tested",
    "os_user",
    "parse_rules",
    "past_receipts",
    "read_belief",
    "read_receipts",
    "read_rules",
    "read_state",
    "read_tokens",
    "read_world",
    "sampling_keys",
    "shared_users",
    "site_facts",
    "standing",
    "verify_receipts",
]
