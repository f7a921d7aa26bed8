"""Closed cases: the book that seals and chains them, its files, look-ups, verification, export."""
