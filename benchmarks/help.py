"""`scaffold --help` against bare Python and typer: what every command line of typer pays.

Run it with `python -m benchmarks.help [ROUNDS]`. Processes of both sides take turns; medians count.
"""

import statistics
import subprocess
import sys
import time

from benchmarks.rounds import rounds

BARE = """
import typer
app = typer.Typer(rich_markup_mode=None, add_completion=False)
@app.command()
def one(): ...
@app.command()
def other(): ...
app()
"""
SIDES = {
    "bare python + typer": [sys.executable, "-c", BARE, "--help"],
    "scaffold --help": [sys.executable, "-m", "scaffold", "--help"],
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(number: int) -> None:
    taken = {side: [] for side in SIDES}
    for _ in range(number):
        for side, command in SIDES.items():
            taken[side].append(seconds(command))
    medians = {side: statistics.median(times) for side, times in taken.items()}
    for side, median in medians.items():
        print(f"{side:<20} {median * 1000:6.1f} ms")
    bare, ours = medians.values()
    print(f"{'ratio':<20} {ours / bare:6.2f}")


if __name__ == "__main__":
    main(rounds(15, __doc__))
