"""`python -m benchmarks NAME [--json]`."""

from __future__ import annotations

import json
import sys

from benchmarks import policy, replies

BENCHMARKS = {"policy": policy, "replies": replies}


def main(words: list[str]) -> int:
    names = [word for word in words if not word.startswith("-")]
    if len(names) != 1 or names[0] not in BENCHMARKS or set(words) - {names[0], "--json"}:
        print(f"usage: python -m benchmarks {{{','.join(BENCHMARKS)}}} [--json]", file=sys.stderr)
        return 2
    benchmark = BENCHMARKS[names[0]]
    found = benchmark.measure()
    print(json.dumps(found, indent=2) if "--json" in words else benchmark.told(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
