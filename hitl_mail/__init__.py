"""hitl-mail: an email-and-CLI approval daemon for teams that let AI agents do real work."""

__version__ = "0.1.0"
