"""The loops around the core: what comes in becomes commands, what follows is carried out.

The daemon knows the outside world by `hitl_mail.ports` only.
"""
