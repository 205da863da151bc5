"""Child processes with three pipes.

What is particular to POSIX is here, in `launch` and in `descriptors`.
"""

import array
import contextlib
import fcntl
import os
import signal
import termios
import time
from collections.abc import Generator
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.client._process.descriptors import DESCRIPTORS, enlarge_pipe
from scaffold.client._process.launch import Launch, NoRoom, Stdio, spawn
from scaffold.client._process.waits import pauses, run_steps

__all__ = ["WAKE_BYTE", "Process"]

WAKE_BYTE: Final = b"\0"
"""Wakes a thread that blocks in a read of the output. JSON has no such byte."""

_TERM_GRACE_PERIOD: Final = 1.0
"""Seconds from SIGTERM to SIGKILL."""
_KILL_GRACE_PERIOD: Final = 5.0
"""Seconds from SIGKILL until the process is left to the system."""


class Process:
    """A running child; raises `ConnectFailed` if it cannot be started.

    `stdin` and `stdout` are descriptors that do not block, unless `let_block` is asked.
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
        """Let reads of the output block, if `interrupt` can call back who does; tell whether."""
        able = self._write_to_stdout(b"")
        if able:
            os.set_blocking(self.stdout, True)
        return able

    def interrupt(self) -> None:
        """Wake a thread that waits for the output, by a `WAKE_BYTE` in what it reads."""
        self._write_to_stdout(WAKE_BYTE)

    def _write_to_stdout(self, data: bytes) -> bool:
        with self._closing:
            return self.stdout in self._open and DESCRIPTORS.write_to_read_end(self.stdout, data)

    def _in_fork(self) -> None:
        self._is_owner = False
        self._open.clear()
        self._closing = reentrant_lock(Rank.PROCESS)

    def exited(self) -> bool:
        """Tell whether the process has ended; what it started is then ended too."""
        if not self._is_owner:
            return True
        if self._child.poll() is None:
            return False
        if not self._group_killed:
            self._group_killed = True
            self._child.signal_group(signal.SIGKILL)
        return True

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; tell whether it came."""
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
        """Return how many bytes of its input the process has not read yet, 0 if unknown."""
        count = array.array("i", [0])
        if self.stdin not in self._open:
            return 0
        try:
            fcntl.ioctl(self.stdin, termios.FIONREAD, count)
        except OSError:
            return 0
        return count[0]

    def close_input(self) -> None:
        """Close the input: the process's sign to end."""
        self.close(self.stdin)

    def terminate(self, grace: float) -> None:
        """End the input, the process and its group; takes as long as `ending` does."""
        self.close_input()
        run_steps(self.terminate_steps(grace))

    def terminate_steps(self, grace: float) -> Generator[float]:
        """End the process and its group: `grace` seconds, SIGTERM, SIGKILL.

        Yields how many seconds to wait before the next step. The end of its input comes before.
        A process that does not end after SIGKILL, because the system holds it, is left to itself.
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
        """Give back all that is left of it. May be repeated."""
        self.reap()
        self.close_pipes()
        self.close(self.stderr)

    def close_pipes(self) -> None:
        """Close its input and output; what reads its stderr closes that."""
        self.close(self.stdin)
        self.close(self.stdout)

    def reap(self) -> None:
        """Give back what the system keeps of a process that has ended. May be repeated."""
        if self._is_owner:
            self._child.release()

    def close(self, fd: int) -> None:
        """Close one of the pipes: the end of its input is a process's sign to end."""
        if fd == self.stdout:
            with self._closing:
                self._close(fd)
        else:
            self._close(fd)  # without a lock: finalisers do this, wherever they run

    def _close(self, fd: int) -> None:
        with contextlib.suppress(KeyError):
            self._open.remove(fd)
            DESCRIPTORS.close(fd)


def _pipe(undo: contextlib.ExitStack) -> tuple[int, int]:
    try:
        ends = DESCRIPTORS.pipe()
    except OSError as error:
        raise NoRoom(f"cannot make a pipe: {os.strerror(error.errno or 0)}") from None
    undo.callback(DESCRIPTORS.close_all, ends)
    return ends
