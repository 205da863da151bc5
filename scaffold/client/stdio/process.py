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
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from scaffold.client.stdio.orphans import ORPHANS
from scaffold.client.stdio.watch import WATCH
from scaffold.contract.errors import ConnectFailed

__all__ = ["CALL", "Child", "Launch", "Process", "Spawn", "Stdio", "poll", "spawn", "start"]

CALL: Final = b"\0"
"""What calls back a thread that blocks in a read of the output. JSON has no such byte."""

_PIPE_SIZE: Final = 1 << 20
_TERM_GRACE: Final = 1.0
"""Seconds from SIGTERM to SIGKILL."""
_NAP: Final = 0.005
_LONGEST_NAP: Final = 0.05

_ROOMY: Final = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=127"}
"""Lets a child keep more of what it has freed at hand, if its C library is glibc.

A payload of 10 KB is read in hundreds of small pieces: to take each from the heap that the threads
share costs a tenth of the time. What the host, or the plugin's manifest, sets goes before.
"""


@dataclass(frozen=True, slots=True)
class Stdio:
    """What a child has as descriptors 0, 1 and 2; whoever starts it closes these ends."""

    stdin: int
    stdout: int
    stderr: int


class Child(Protocol):
    """A process that was started, and leads a session and a group of its own."""

    def poll(self) -> int | None:
        """Return the exit status, minus the number of the signal that ended it; or `None`."""

    def wait(self) -> int:
        """Wait for the end; return the exit status."""
        ...

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the process and what it has started, as far as that still exists."""

    def release(self) -> None:
        """Give back what belongs to the host, once the process has ended."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a process is started."""

    command: Sequence[str]
    cwd: Path | None = None
    """Where it runs; `None` is where the host runs."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables on top of the host's own."""
    spawn: "Spawn | None" = None
    """What starts it; `None` starts it anew, as `spawn` does."""

    @property
    def environment(self) -> dict[str, str]:
        """All variables of the process."""
        return {**_ROOMY, **os.environ, **self.env}


Spawn: TypeAlias = Callable[[Launch, Stdio], Child]
"""Starts a process; raises `ConnectFailed`."""


class Spawned(subprocess.Popen[bytes]):
    """A child of this process."""

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the process and what it has started, as far as that still exists."""
        # macOS answers EPERM for a group of which only the dead leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def release(self) -> None:
        """Have nobody end the process any more, should the host be killed."""
        ORPHANS.forget(self.pid)


def spawn(launch: Launch, stdio: Stdio) -> Child:
    """Start a process anew that does not outlive this one; raise `ConnectFailed`."""
    child = start(launch, stdio)
    ORPHANS.remember(child.pid)
    return child


def start(launch: Launch, stdio: Stdio) -> Spawned:
    """Start a process anew; raise `ConnectFailed` if that is not possible."""
    if not launch.command:
        raise ConnectFailed("there is no command to run")
    env = launch.environment
    try:
        return Spawned(
            list(launch.command),
            stdin=stdio.stdin,
            stdout=stdio.stdout,
            stderr=stdio.stderr,
            cwd=launch.cwd,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ConnectFailed(_explain(launch, env, error)) from None


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
        for fd in (child_in, child_out, child_err):
            os.close(fd)
        self._open = {self.stdin, self.stdout, self.stderr}
        self._host = os.getpid()
        self._swept = False
        self._closing = threading.Lock()
        for fd in (self.stdin, self.stdout):
            os.set_blocking(fd, False)
            _widen(fd)

    def let_block(self) -> bool:
        """Let reads of the output block, if `interrupt` can call back who does; tell whether."""
        able = self._write_back(b"")
        if able:
            os.set_blocking(self.stdout, True)
        return able

    def interrupt(self) -> None:
        """Call back a thread that blocks in a read of the output, by a `CALL` in what it reads."""
        self._write_back(CALL)

    def _write_back(self, data: bytes) -> bool:
        """Write into the output; tell whether that can be done.

        Linux opens a pipe by the name of any of its descriptors. As the host has an end for writing
        only here, it still sees the end of the output.
        """
        with self._closing:
            if self.stdout not in self._open:
                return False
            try:
                fd = os.open(f"/proc/self/fd/{self.stdout}", os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                return False
            with contextlib.suppress(BlockingIOError):  # a full pipe lets nobody block
                os.write(fd, data)
            os.close(fd)
            return True

    def exited(self) -> bool:
        """Tell whether the process has ended; what it started is then ended too."""
        if self._child.poll() is None:
            return False
        if not self._swept:
            self._swept = True
            self._child.signal_group(signal.SIGKILL)
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
        code = self._child.poll()
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
        self._close(self.stdin)

    def end(self, grace: float) -> None:
        """End the process and its group: end of input, `grace` seconds, SIGTERM, SIGKILL.

        A fork of the host does not own the process, and leaves it alone.
        """
        self.end_input()
        if self._host != os.getpid():
            return
        if not self.wait(grace):
            self._child.signal_group(signal.SIGTERM)
            if not self.wait(_TERM_GRACE):
                self._child.signal_group(signal.SIGKILL)
                self._child.wait()
                self.exited()

    def release(self) -> None:
        """Close what is left of the pipes."""
        for fd in (self.stdin, self.stdout, self.stderr):
            self._close(fd)
        self._child.release()

    def _close(self, fd: int) -> None:
        with self._closing:
            if fd in self._open:
                self._open.remove(fd)
                os.close(fd)


def poll(*, read: Sequence[int] = (), write: Sequence[int] = ()) -> "select.poll":
    """Return what waits for descriptors to become readable or writable."""
    poller = select.poll()
    for fd in read:
        poller.register(fd, select.POLLIN)
    for fd in write:
        poller.register(fd, select.POLLOUT)
    return poller


def _pipe(undo: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for fd in ends:
        undo.callback(os.close, fd)
    return ends


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


os.register_at_fork(after_in_child=WATCH.begin_anew)
