"""What the system knows of the servers: which processes, what memory, which cores."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from benchmarks.wire.machine import in_one_layout

__all__ = [
    "SideFailed",
    "busy",
    "descendants",
    "listening",
    "memory",
    "place",
    "run_measurement",
]

_URL: Final = re.compile(rb"listening on (\S+)")
_PROC: Final = Path("/proc")


class SideFailed(Exception):
    """A side could not be measured."""


def run_measurement(side: str, arguments: list[str], *, within: float) -> bytes:
    """Run the interpreter that measures one side; return what it prints.

    Raise `SideFailed` if it fails, or is not done within so many seconds.
    """
    with subprocess.Popen(
        [*in_one_layout(), sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise SideFailed(f"{side}: not done within {within:g} s") from None
    if process.returncode:
        raise SideFailed(f"{side}: exit status {process.returncode}\n{err.decode()}")
    return out


def descendants(root: int) -> list[int]:
    """Return the processes that `root` started, and those that they started."""
    found: list[int] = []
    # Threads and processes may end while they are looked at.
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in (_PROC / str(root) / "task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    found += [int(child), *descendants(int(child))]
    return found


def memory(root: int) -> tuple[int, int]:
    """Sum up the resident bytes and the own (unshared) bytes of the servers of a process.

    The shell that waits for the end of the process is its own, one for all its servers.
    """
    resident = own = 0
    for process in descendants(root):
        if (_PROC / str(process) / "comm").read_text().strip() == "sh":
            continue
        for line in (_PROC / str(process) / "smaps_rollup").read_text().splitlines()[1:]:
            name, value, _unit = line.split()
            if name == "Rss:":
                resident += int(value) * 1024
            elif name.startswith("Private_"):
                own += int(value) * 1024
    return resident, own


def busy(root: int) -> float:
    """Return the seconds that a process and its descendants have been at work so far."""
    # The CPU clock of a process has an id made of its pid (clock_getcpuclockid(3), Linux).
    clocks = (~process << 3 | 2 for process in (root, *descendants(root)))
    return sum(map(time.clock_gettime, clocks))


def place(root: int, cores: Iterable[int]) -> None:
    """Let a process, its descendants and all their threads run on these cores only."""
    for process in (root, *descendants(root)):
        for task in (_PROC / str(process) / "task").iterdir():
            # A thread may end meanwhile.
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), cores)


@contextmanager
def listening(command: list[str], folder: Path | None = None) -> Iterator[str]:
    """Run a server that listens, in a folder; yield its URL."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=folder) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                url = _URL.match(line)
                if url is not None:
                    break
            else:
                raise RuntimeError(f"{command} ended before it listened")
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield url[1].decode()
        finally:
            process.terminate()
            process.wait()
