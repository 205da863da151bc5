"""A child process with three pipes, and waits that a thread and an event loop share.

The code for POSIX is here, in `launch` and in `descriptors`.
"""

import array
import asyncio
import contextlib
import fcntl
import os
import signal
import termios
import time
from collections.abc import Generator
from typing import Final, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.client._process.descriptors import DESCRIPTORS, enlarge_pipe
from scaffold.client._process.launch import Launch, NoRoom, Stdio, spawn

T = TypeVar("T")

_NAP: Final = 0.005
_LONGEST_NAP: Final = 0.05


def pauses(seconds: float) -> Generator[float]:
    """Yield growing pauses in seconds between checks, until `seconds` have passed."""
    now, nap = time.monotonic(), _NAP
    deadline = now + seconds
    while now < deadline:
        yield min(nap, deadline - now)
        nap = min(nap * 2, _LONGEST_NAP)
        now = time.monotonic()


def run_steps(steps: Generator[float, None, T]) -> T:
    """Run a generator to its result, and sleep for each pause that it yields.

    An exception in a pause closes the generator, so that its clean-up runs at once.
    """
    results: list[T] = []
    with contextlib.closing(_store_result(steps, results)) as naps:
        for nap in naps:
            time.sleep(nap)
    return results[0]


async def run_steps_async(steps: Generator[float, None, T]) -> T:
    """Run a generator like `run_steps`, on an event loop."""
    results: list[T] = []
    with contextlib.closing(_store_result(steps, results)) as naps:
        for nap in naps:
            await asyncio.sleep(nap)
    return results[0]


def _store_result(steps: Generator[float, None, T], results: list[T]) -> Generator[float]:
    results.append((yield from steps))


WAKE_BYTE: Final = b"\0"
"""Wakes a thread that blocks in a read of the output. JSON never contains this byte."""

_TERM_GRACE_PERIOD: Final = 1.0
"""Seconds from SIGTERM to SIGKILL."""
_KILL_GRACE_PERIOD: Final = 5.0
"""Seconds after SIGKILL. Then the process is left to the system."""


class Process:
    """A running child; raises `ConnectFailed` if it cannot be started.

    `stdin` and `stdout` are non-blocking descriptors until `enable_blocking_reads`.
    """

    def __init__(self, launch: Launch) -> None:
        start = launch.spawn or spawn
        with contextlib.ExitStack() as undo:
            child_in, self.stdin = _pipe(undo)
            self.stdout, child_out = _pipe(undo)
            self.stderr, child_err = _pipe(undo)
            self._child = start(launch, Stdio(child_in, child_out, child_err))
            undo.pop_all()
        DESCRIPTORS.close_all((child_in, child_out, child_err))
        self._open = {self.stdin, self.stdout, self.stderr}
        self._is_owner = True
        self._group_killed = False
        self._closing = reentrant_lock(Rank.PROCESS)
        reset_after_fork(self._in_fork)
        for fd in (self.stdin, self.stdout):
            os.set_blocking(fd, False)
            enlarge_pipe(fd)

    def enable_blocking_reads(self) -> bool:
        """Make reads of the output block, if `interrupt` works here; return whether it does."""
        able = self._write_to_stdout(b"")
        if able:
            os.set_blocking(self.stdout, True)
        return able

    def interrupt(self) -> None:
        """Wake a thread that blocks in a read of the output: it reads a `WAKE_BYTE`."""
        self._write_to_stdout(WAKE_BYTE)

    def _write_to_stdout(self, data: bytes) -> bool:
        with self._closing:
            return self.stdout in self._open and DESCRIPTORS.write_to_read_end(self.stdout, data)

    def _in_fork(self) -> None:
        self._is_owner = False
        self._open.clear()
        self._closing = reentrant_lock(Rank.PROCESS)

    def exited(self) -> bool:
        """Return whether the process has ended. Then its process group is killed, once."""
        if not self._is_owner:
            return True
        if self._child.poll() is None:
            return False
        if not self._group_killed:
            self._group_killed = True
            self._child.signal_group(signal.SIGKILL)
        return True

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; return whether it has ended."""
        for nap in pauses(seconds):
            if self.exited():
                return True
            time.sleep(nap)
        return self.exited()

    @property
    def status(self) -> str:
        """How the process ended: `exit status 1`, `killed by SIGSEGV`, `still running`."""
        code = self._child.poll()
        if code is None:
            return "still running"
        if code >= 0:
            return f"exit status {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"

    def unread_input(self) -> int:
        """Return how many bytes of its input the process has not read; 0 if that is unknown."""
        count = array.array("i", [0])
        if self.stdin not in self._open:
            return 0
        try:
            fcntl.ioctl(self.stdin, termios.FIONREAD, count)
        except OSError:
            return 0
        return count[0]

    def close_input(self) -> None:
        """Close the input. A plugin ends at the end of its input."""
        self.close(self.stdin)

    def discard_input(self) -> None:
        """End the input, and keep its descriptor: another thread may be writing to it.

        A closed descriptor would fail that write with EBADF, or belong to another file meanwhile.
        """
        if self.stdin not in self._open:
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
        except OSError:  # no descriptor is left
            self.close_input()
            return
        os.dup2(nowhere, self.stdin, inheritable=False)
        os.close(nowhere)

    def terminate(self, grace: float) -> None:
        """Close the input, then end the process and its group as `terminate_steps` does."""
        self.close_input()
        run_steps(self.terminate_steps(grace))

    def terminate_steps(self, grace: float) -> Generator[float]:
        """End the process and its group: wait for `grace` seconds, then SIGTERM, then SIGKILL.

        Yields the pauses in seconds. The caller has closed the input before. A process that the
        system keeps alive after SIGKILL is left to the system.
        """
        steps = (
            (None, grace),
            (signal.SIGTERM, _TERM_GRACE_PERIOD),
            (signal.SIGKILL, _KILL_GRACE_PERIOD),
        )
        for number, seconds in steps:
            if number is not None:
                self._child.signal_group(number)
            for nap in pauses(seconds):
                if self.exited():
                    return
                yield nap

    def release(self) -> None:
        """Reap the process and close its pipes. May be repeated."""
        self.reap()
        self.close_pipes()
        self.close(self.stderr)

    def close_pipes(self) -> None:
        """Close the input and the output. The thread that reads stderr closes stderr."""
        self.close(self.stdin)
        self.close(self.stdout)

    def reap(self) -> None:
        """Reap a process that has ended. May be repeated."""
        if self._is_owner:
            self._child.release()

    def close(self, fd: int) -> None:
        """Close one of the pipes, once."""
        if fd == self.stdout:
            with self._closing:
                self._close(fd)
        else:
            self._close(fd)  # without a lock: finalizers call this in any thread

    def _close(self, fd: int) -> None:
        with contextlib.suppress(KeyError):
            self._open.remove(fd)
            DESCRIPTORS.close(fd)


def _pipe(undo: contextlib.ExitStack) -> tuple[int, int]:
    try:
        ends = DESCRIPTORS.pipe()
    except OSError as error:
        raise NoRoom(f"cannot create a pipe: {os.strerror(error.errno or 0)}") from None
    undo.callback(DESCRIPTORS.close_all, ends)
    return ends
