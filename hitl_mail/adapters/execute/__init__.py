"""Executors: what carries an action out, one file for each type."""
