"""Replies from an IMAP server."""
