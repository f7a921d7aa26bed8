"""The pure heart: what an action is, what a case may become, what must follow.

Nothing here reads a clock, a file, a socket or a random number: times, ids and answers of the
outside world come in as arguments.
"""
