"""Calls every shipped kind over every runtime as a new project would, and peers in the same run.

The host uses the bindings that ship with scaffold; each plugin is a project that `scaffold
new-plugin` created, with its own copy of them. Every round measures every side in a process of its
own, with servers of its own; a ratio is taken within a round, and the tables show medians.
"""

import argparse
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks.kinds.projects import create_projects
from benchmarks.kinds.sides import SIDES
from benchmarks.kinds.tables import Round, in_process_table, percentiles_table, wire_table
from benchmarks.wire.machine import describe
from benchmarks.wire.processes import SideFailed, run_measurement

_REQUIRED: Final = ("dagstack", "fastmcp", "httptools", "mcp", "orjson", "pluggy", "uvloop")
_MOST_SECONDS: Final = 180.0
"""The time that one side may take; more means that it hangs."""


def main() -> int:
    options = _options()
    missing = [name for name in _REQUIRED if find_spec(name) is None]
    if missing:
        print(
            f"missing: {', '.join(missing)}; benchmarks/README.md says how to get them",
            file=sys.stderr,
        )
        return 4
    rounds, seconds = (1, 0.05) if options.quick else (options.rounds, options.seconds)
    print("\n".join([*describe(), f"rounds: {rounds}, {seconds:g} s for each figure"]), flush=True)
    try:
        with tempfile.TemporaryDirectory() as root:
            create_projects(Path(root))
            measured = [_round(root, seconds, number) for number in range(rounds)]
    except SideFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    for title, table in (
        ("In process", in_process_table(measured)),
        ("Over stdio", wire_table(measured, "mcp_stdio")),
        ("Over HTTP", wire_table(measured, "mcp_http")),
        ("Percentiles, on any core", percentiles_table(measured)),
    ):
        print("\n".join(["", f"## {title}", "", *table]))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kinds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="processes a side (default: 5)")
    parser.add_argument("--seconds", type=float, default=0.2, help="for each figure (default: 0.2)")
    parser.add_argument(
        "--quick", action="store_true", help="one short round, to see that it works"
    )
    return parser.parse_args()


def _round(root: str, seconds: float, number: int) -> Round:
    cores = sorted(os.sched_getaffinity(0))
    core = cores[number % len(cores)]
    return {
        name: json.loads(
            run_measurement(
                name,
                ["-m", "benchmarks.kinds.measure", name, root, str(seconds), str(core)],
                within=_MOST_SECONDS,
            )
        )
        for name in SIDES
    }


if __name__ == "__main__":
    sys.exit(main())
