"""The journal: one record a command, durable before anything is done."""
