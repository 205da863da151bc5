"""Runs ours, the floors and the peers in turns, and prints the ratios.

Every round measures every side in a process of its own, with a server of its own; a ratio is taken
within a round, and the table shows the median of the rounds and their extremes.
"""

import argparse
import json
import os
import sys
from importlib.util import find_spec

from benchmarks.wire.comparisons import Round, figures_table, ratios_table
from benchmarks.wire.machine import describe
from benchmarks.wire.processes import SideFailed, run_measurement
from benchmarks.wire.sides import REQUIRED, SIDES, Side

_MOST_SECONDS = 120.0
"""The time that one side may take; more means that it hangs."""


def main() -> int:
    options = _options()
    missing = [name for name in REQUIRED if find_spec(name) is None]
    if missing:
        print(
            f"missing: {', '.join(missing)}; benchmarks/README.md says how to get them",
            file=sys.stderr,
        )
        return 4
    rounds, seconds = (1, 0.1) if options.quick else (options.rounds, options.seconds)
    sides = [side for side in SIDES.values() if options.transport in (None, _transport(side))]
    print(
        "\n".join([*describe(), f"rounds: {rounds}, {seconds:g} s for each figure", ""]), flush=True
    )
    try:
        measured = [_round(sides, seconds, number) for number in range(rounds)]
    except SideFailed as failure:
        print(f"{failure}", file=sys.stderr)
        return 1
    print("\n".join([*ratios_table(measured), "", *figures_table(measured)]))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="processes a side (default: 5)")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each figure (default: 0.5)")
    parser.add_argument(
        "--quick", action="store_true", help="one short round, to see that it works"
    )
    parser.add_argument("--transport", choices=["stdio", "http"], help="only this one")
    return parser.parse_args()


def _transport(side: Side) -> str:
    return "http" if side.http else "stdio"


def _round(sides: list[Side], seconds: float, number: int) -> Round:
    cores = sorted(os.sched_getaffinity(0))
    core = cores[number % len(cores)]
    figures: dict[str, dict[str, float]] = {}
    for side in sides:
        _say(f"round {number + 1}: {side.name}")
        figures[side.name] = _measure(side, seconds, core)
    _say("")
    return figures


def _measure(side: Side, seconds: float, core: int) -> dict[str, float]:
    arguments = ["-m", "benchmarks.wire.measure", side.name, str(seconds), str(core)]
    out = run_measurement(side.name, arguments, within=_MOST_SECONDS)
    figures: dict[str, float] = json.loads(out)
    return figures


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
