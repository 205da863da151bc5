"""`import scaffold` against the import of an empty package: what every program pays for the names.

Run it with `python -m benchmarks.front_door [ROUNDS]`. Each import runs in a process of its own;
the sides take turns, and medians count. The difference should stay below 1 ms.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rounds import rounds

TIMED = """
import sys, time
sys.path.insert(0, {folder!r})
import first  # the folders are listed, the tools of import are loaded
start = time.perf_counter()
import {package}
print(time.perf_counter() - start)
"""


def seconds(folder: Path, package: str) -> float:
    code = TIMED.format(folder=str(folder), package=package)
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=kept
    )
    return float(done.stdout)


def main(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for package in ("first", "empty"):
            (Path(folder) / package).mkdir()
            (Path(folder) / package / "__init__.py").touch()
        taken: dict[str, list[float]] = {"empty": [], "scaffold": []}
        for _ in range(number + 1):  # the first round writes the compiled modules
            for package, times in taken.items():
                times.append(seconds(Path(folder), package))
    empty, ours = (statistics.median(times[1:]) * 1000 for times in taken.values())
    print(f"{'an empty package':<20} {empty:6.3f} ms")
    print(f"{'scaffold':<20} {ours:6.3f} ms")
    print(f"{'difference':<20} {ours - empty:6.3f} ms")


if __name__ == "__main__":
    main(rounds(25, __doc__))
