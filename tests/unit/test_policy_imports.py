"""What reading the rules costs those who only want a glance."""

from __future__ import annotations

import subprocess
import sys


def test_the_heavy_libraries_are_not_imported_before_a_policy_is_loaded() -> None:
    code = (
        "import sys, hitl_mail.policy.load, hitl_mail.site;"
        "print(sorted({'cel', 'jsonschema'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_schema_library_is_not_imported_where_no_kind_has_a_schema() -> None:
    code = (
        "import sys; from tests.rulebook import KINDS, policy; policy(KINDS);"
        "print('jsonschema' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
