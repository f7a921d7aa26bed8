"""Everything that reads outside bytes, given bytes that nobody meant for it.

`profile.py` says how much, `mutate.py` makes the bytes, `corpus/` holds what was found. Each test
file is about one sort of reader. The properties are more than that nothing raises: an outcome of a
known type, bounded time, never a decision from noise, twice the same.
"""
