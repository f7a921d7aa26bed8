"""Homes for security tests."""

from __future__ import annotations

from tests.acceptance.conftest import home, make_home, quiet_home

__all__ = ["home", "make_home", "quiet_home"]
