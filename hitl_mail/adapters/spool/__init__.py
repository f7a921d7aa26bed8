"""Spool directories: files in by rename, results and refusals out."""
