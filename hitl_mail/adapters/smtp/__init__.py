"""Mails to an SMTP server."""
