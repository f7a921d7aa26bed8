"""Real servers for tests, on loopback at free ports: Dovecot, Postfix and an SMTP sink.

Each class starts its server in a directory it is given, returns once the port answers, and stops
what it started by process id. Nothing here knows hitl-mail: the servers are the outside world.
"""
