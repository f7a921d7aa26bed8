"""What it costs: figures drift by machine and hour, so ratios of one run are told.

`python -m benchmarks` is the main one (see docs/performance.md), `python -m benchmarks policy` and
`replies` measure one thing each.
"""
