"""What the commands that read projects cost, against another checkout, in one run.

    python benchmarks/projects.py OTHER [ROUNDS]

OTHER is a checkout of the commit to compare with, as `git worktree add` makes it. Both make a
plugin project of their own and fifty copies of it; then their commands take turns, each in a
process of its own. What counts is the least time that the processor was at work. The ratio is to
stay below 1.1.
"""

import os
import shutil
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


def lay(checkout: Path, folder: Path) -> None:
    """Make a project with a checkout, and copies of it; what they generate is remembered."""
    command = ("new-plugin", "demo0", "--kind", "tool", "--defaults", "-o", "one")
    scaffold(checkout, folder, *command)
    scaffold(checkout, folder, "generate", "one/demo0")
    for number in range(PROJECTS):
        shutil.copytree(folder / "one" / "demo0", folder / "many" / f"demo{number}")
    scaffold(checkout, folder, "status", "-r", "many")


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
