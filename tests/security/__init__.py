"""The adversary's tests: each docstring is the promise that the test tries to break.

They attack from outside: real daemons, real HTTP, real files, a real browser. `SECURITY.md` names
them as the evidence for what it promises.
"""
