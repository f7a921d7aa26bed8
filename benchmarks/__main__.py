"""`python -m benchmarks [--rounds N] [--quick] [--large]`, or one of the small ones by name."""

from __future__ import annotations

import argparse
import json

from benchmarks import main, policy, replies

SMALL = {"policy": policy, "replies": replies}


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=SMALL, help="without one: the main benchmark")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--rounds", type=int, default=7, help="rounds against the others (7)")
    parser.add_argument("--quick", action="store_true", help="a few seconds, only to see it work")
    parser.add_argument("--large", action="store_true", help="up to 1,000,000 receipts")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.name:
        benchmark = SMALL[asked.name]
        found = benchmark.measure()
        print(json.dumps(found, indent=2) if asked.json else benchmark.told(found))
    elif asked.json:
        print(json.dumps(main.measure(asked.rounds, asked.quick, asked.large), indent=2))
    else:
        print(main.run(asked.rounds, asked.quick, asked.large))
