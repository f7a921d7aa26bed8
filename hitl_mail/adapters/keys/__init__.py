"""The keys of a home, and their rotation."""
