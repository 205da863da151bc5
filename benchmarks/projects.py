"""What the commands that read projects cost, against another checkout, in one run.

    python benchmarks/projects.py OTHER [ROUNDS]

OTHER is a checkout of the commit to compare with, as `git worktree add` makes it. Both make fifty
plugin projects of their own and generate them once; then their commands take turns, each in a
process of its own. What counts is the least time that the processor was at work. The ratio is to
stay below 1.1.
"""

import os
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory

PROJECTS = 50
REACH = 1.1
HERE = Path(__file__).resolve().parents[1]
COMMANDS = {
    "generate --check": ["generate", "--check", "one/demo0"],
    "check": ["check", "one/demo0"],
    f"status -r of {PROJECTS} projects": ["status", "-r", "many"],
}


def scaffold(checkout: Path, folder: Path, *arguments: str) -> float:
    """Run a command of a checkout; return the seconds of the processor."""
    env = {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "PYTHONSAFEPATH": "1",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    env.pop("CI", None)
    start = getrusage(RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "scaffold", *arguments]
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
    assert ended.returncode in (0, 1), ended.stderr.decode()
    end = getrusage(RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


LAY = """
import sys
from pathlib import Path
from scaffold._cli.commands.generate import generate
from scaffold._cli.commands.new_plugin import new_plugin
for name in sys.argv[2:]:
    new_plugin(name, kind="tool", hookspecs=None, runtimes=(), language="python", defaults=True,
        data=(), output=Path(sys.argv[1]))
    generate(Path(sys.argv[1], name), check=False, diff=False, watch=False, set_aside=False,
        stub=False)
"""


def lay(checkout: Path, folder: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(checkout), "XDG_CACHE_HOME": str(folder / "cache")}
    env.pop("CI", None)
    for place, count in (("one", 1), ("many", PROJECTS)):
        names = [f"demo{number}" for number in range(count)]
        command = [sys.executable, "-c", LAY, str(folder / place), *names]
        subprocess.run(command, cwd="/", env=env, check=True, capture_output=True)


def main(other: Path, rounds: int) -> int:
    missed = False
    with TemporaryDirectory() as made:
        sides = {HERE: Path(made, "here"), other.resolve(): Path(made, "other")}
        for checkout, folder in sides.items():
            folder.mkdir()
            lay(checkout, folder)
        for name, command in COMMANDS.items():
            taken: dict[Path, list[float]] = {checkout: [] for checkout in sides}
            for _ in range(rounds):
                for checkout, folder in sides.items():
                    taken[checkout].append(scaffold(checkout, folder, *command))
            here, there = (min(times) for times in taken.values())
            missed |= here > REACH * there
            print(f"{name:<26} {here:.3f} s, was {there:.3f} s: {here / there:.2f} x")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 5))
