"""TOML tables as typed structs: every problem at once, each with its line.

Knows nothing of what the tables mean; `hitl_mail.site` and `hitl_mail.policy` do.
"""

from hitl_mail.tables.read import Duration, Source, dotted, nearest, read_table

__all__ = ["Duration", "Source", "dotted", "nearest", "read_table"]
