"""What it costs: each module measures one thing and prints ratios, for figures drift by machine.

`python -m benchmarks policy`
"""
