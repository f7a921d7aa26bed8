"""The rules: what they say of an action, loaded whole or not at all, matched, and explained.

Pure: files are read by the caller; who people are comes in as `Names`. Knows nothing of mail, of
cases or of the site's other settings.
"""
