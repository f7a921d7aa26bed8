"""The tests: `unit`, `contract` and `integration`, and the servers they talk to."""
