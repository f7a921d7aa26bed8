"""docs/operations.md: the people and the rule that it shows load as they stand."""

from __future__ import annotations

import re
from pathlib import Path

from hitl_mail.policy.load import load_policy
from hitl_mail.site import load_site
from tests.rulebook import no_schema

PAGE = Path(__file__).parents[2].joinpath("docs/operations.md").read_text("utf-8")
SITE, RULES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[:2]
AROUND = """
[site]
name = "Acme"
timezone = "Europe/Berlin"
admins = ["cleo"]
[mail]
transport = "maildir"
address = "approvals@example.com"
[people.cleo]
mail = "cleo@example.com"
"""


def test_the_rule_that_it_shows_loads_with_all_it_says() -> None:
    site = load_site(AROUND + SITE.replace("[groups]", '[groups]\nowner = ["cleo"]'))
    (ready,) = load_policy(RULES, site, "rules.toml", no_schema).rules
    rule = ready.rule
    assert (rule.reviewers, rule.route_to, rule.remind, rule.doors) == (
        ("finance",),
        ("owner",),
        ("50%", "3h"),
        ("mail", "cli"),
    )
    assert site.people["bob"].away[0].delegate == "ada"
