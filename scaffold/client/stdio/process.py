"""Child processes with three pipes. All that is particular to POSIX stands in this module.

A child leads a session of its own: signals meant for the host do not reach it, and whatever it
starts can be ended with it. Source: MCP 2026-07-28, stdio: Shutdown.
"""

import array
import contextlib
import errno
import fcntl
import os
import select
import shutil
import signal
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scaffold.contract.errors import ConnectFailed

__all__ = ["Launch", "Process", "poll"]

_PIPE_SIZE: Final = 1 << 20
_TERM_GRACE: Final = 1.0
"""Seconds from SIGTERM to SIGKILL."""
_NAP: Final = 0.005
_LONGEST_NAP: Final = 0.05


@dataclass(frozen=True, slots=True)
class Launch:
    """How a process is started."""

    command: Sequence[str]
    cwd: Path | None = None
    """Where it runs; `None` is where the host runs."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables on top of the host's own."""


class Process:
    """A running child; raises `ConnectFailed` if it cannot be started.

    `stdin` and `stdout` are descriptors that never block.
    """

    def __init__(self, launch: Launch) -> None:
        self._popen = _spawn(launch)
        pipes = (self._popen.stdin, self._popen.stdout, self._popen.stderr)
        self.stdin, self.stdout, self.stderr = (pipe.fileno() for pipe in pipes if pipe)
        self._host = os.getpid()
        self._swept = False
        for fd in (self.stdin, self.stdout):
            os.set_blocking(fd, False)
            _widen(fd)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._popen.pid

    def exited(self) -> bool:
        """Tell whether the process has ended; what it started is then ended too."""
        if self._popen.poll() is None:
            return False
        if not self._swept:
            self._swept = True
            self._signal(signal.SIGKILL)
        return True

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; tell whether it came."""
        deadline = time.monotonic() + seconds
        nap = _NAP
        while not self.exited():
            if time.monotonic() >= deadline:
                return False
            time.sleep(nap)
            nap = min(nap * 2, _LONGEST_NAP)
        return True

    @property
    def status(self) -> str:
        """How the process ended: `exit status 1`, `killed by SIGSEGV`, `still running`."""
        code = self._popen.poll()
        if code is None:
            return "still running"
        if code >= 0:
            return f"exit status {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"

    def unread(self) -> int:
        """Return how many bytes of its input the process has not read yet, 0 if unknown."""
        count = array.array("i", [0])
        try:
            fcntl.ioctl(self.stdin, termios.FIONREAD, count)
        except OSError:
            return 0
        return count[0]

    def end_input(self) -> None:
        """Close the input: the process's sign to end."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()

    def end(self, grace: float) -> None:
        """End the process and its group: end of input, `grace` seconds, SIGTERM, SIGKILL.

        A fork of the host does not own the process, and leaves it alone.
        """
        self.end_input()
        if self._host != os.getpid():
            return
        if not self.wait(grace):
            self._signal(signal.SIGTERM)
            if not self.wait(_TERM_GRACE):
                self._signal(signal.SIGKILL)
                self._popen.wait()
                self.exited()

    def release(self) -> None:
        """Close what is left of the pipes."""
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        # macOS answers EPERM for a group of which only the dead leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def poll(*, read: Sequence[int] = (), write: Sequence[int] = ()) -> "select.poll":
    """Return what waits for descriptors to become readable or writable."""
    poller = select.poll()
    for fd in read:
        poller.register(fd, select.POLLIN)
    for fd in write:
        poller.register(fd, select.POLLOUT)
    return poller


def _spawn(launch: Launch) -> "subprocess.Popen[bytes]":
    if not launch.command:
        raise ConnectFailed("there is no command to run")
    env = {**os.environ, **launch.env}
    try:
        return subprocess.Popen(
            list(launch.command),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=launch.cwd,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ConnectFailed(_explain(launch, env, error)) from None


def _explain(launch: Launch, env: Mapping[str, str], error: Exception) -> str:
    """Say why a command did not start, and where it was looked for."""
    program = launch.command[0]
    if launch.cwd is not None and not launch.cwd.is_dir():
        return f"cannot run '{program}': the folder '{launch.cwd}' does not exist"
    if isinstance(error, OSError) and error.errno == errno.ENOENT:
        if os.sep in program:
            folder = launch.cwd or Path.cwd()
            return f"command '{program}' not found; relative paths start at '{folder}'"
        found = shutil.which(program, path=env.get("PATH"))
        if found is not None:
            return f"command '{found}' names an interpreter that does not exist"
        folders = env.get("PATH", os.defpath).replace(os.pathsep, ", ")
        return f"command '{program}' not found; looked in PATH: {folders}"
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return f"cannot run '{program}': {reason}"


def _widen(fd: int) -> None:
    """Let a pipe hold more, where the system can and allows it."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, set_size, _PIPE_SIZE)
