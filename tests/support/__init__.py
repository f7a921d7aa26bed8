"""Factories that several suites share."""
