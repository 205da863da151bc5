"""Start child processes, as new interpreters or as forks, and explain why one did not start.

A child leads a session of its own. So signals for the host do not reach it, and all processes that
it starts can be ended together with it. Source: MCP 2026-07-28, stdio: Shutdown.
"""

import errno
import os
import shutil
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from scaffold._concurrency.forks import reset_after_fork
from scaffold._fork_messages import INT, ForkRequest
from scaffold.client._process.descriptors import DESCRIPTORS
from scaffold.client._process.orphan_reaper import ORPHAN_REAPER
from scaffold.contract._errors.errors import ConnectFailed


def inherited_variables(names: Iterable[str] | None) -> dict[str, str]:
    """Return the variables with these names that are set; `None` means all variables."""
    if names is None:
        return dict(os.environ)
    return {name: os.environ[name] for name in names if name in os.environ}


_SCARCITY: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)

_DEFAULT_VARIABLES: Final = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=127"}
"""Enlarges the cache of freed memory that each thread of a child has, if its C library is glibc.

A payload of 10 KB is decoded into hundreds of small objects. Allocating each of them from the heap
that all threads share takes a tenth of the time. Variables of the host and of the manifest override
this one.
"""


class NoRoom(ConnectFailed):
    """The host, not the plugin, is out of descriptors, processes, threads or memory."""


@dataclass(frozen=True, slots=True)
class Stdio:
    """Descriptors 0, 1 and 2 of a child. The caller closes its copies after the start."""

    stdin: int
    stdout: int
    stderr: int


class Child(Protocol):
    """A child process that leads a session and a process group."""

    def poll(self) -> int | None:
        """Return the exit status, minus the number of the signal that ended it; or `None`."""

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process group, if it still exists."""

    def release(self) -> None:
        """Release the resources of the host after the process has ended."""


@dataclass(frozen=True, slots=True)
class Launch:
    """The command, folder and environment of a process."""

    command: Sequence[str]
    cwd: Path | None = None
    """The working directory; `None` is the host's."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables that are added to the inherited ones."""
    spawn: "Spawn | None" = None
    """Starts the process; `None` means the function `spawn`."""
    inherit: Sequence[str] | None = None
    """The names of inherited variables; `None` means all."""

    @property
    def environment(self) -> dict[str, str]:
        """All variables of the process."""
        return {**_DEFAULT_VARIABLES, **inherited_variables(self.inherit), **self.env}


Spawn: TypeAlias = Callable[[Launch, Stdio], Child]
"""Starts a process; raises `ConnectFailed`."""


class ChildProcess(subprocess.Popen[bytes]):
    """A child of this process."""

    def poll(self) -> int | None:
        """Return the exit status, minus the number of the signal that ended it; or `None`.

        `Popen.poll` takes a lock that an interrupted thread never gives back. A process that was
        only looked at can be looked at again, so no lock is needed until it is reaped.
        """
        if self.returncode is not None or not hasattr(os, "waitid"):
            return super().poll()
        try:
            found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:  # the application reaps or ignores all children
            return super().poll()
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process group, if it still exists."""
        # macOS answers EPERM for a group of which only the dead leader is left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def release(self) -> None:
        """Reap the process. If it is alive, it may outlive the host from now on."""
        super().poll()
        ORPHAN_REAPER.remove(self.pid)


def spawn(launch: Launch, stdio: Stdio) -> Child:
    """Start a new process that does not outlive this one; raise `ConnectFailed`."""
    child = start_process(launch, stdio)
    ORPHAN_REAPER.add(child.pid)
    return child


def start_process(launch: Launch, stdio: Stdio) -> ChildProcess:
    """Start a new process; raise `ConnectFailed` if that is not possible."""
    if not launch.command:
        raise ConnectFailed("there is no command to run")
    env = launch.environment
    try:
        return ChildProcess(
            list(launch.command),
            stdin=stdio.stdin,
            stdout=stdio.stdout,
            stderr=stdio.stderr,
            cwd=launch.cwd,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        kind = NoRoom if _is_scarcity(error) else ConnectFailed
        raise kind(_explain(launch, env, error)) from None


def _is_scarcity(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _SCARCITY


def _explain(launch: Launch, env: Mapping[str, str], error: Exception) -> str:
    """Return why a command did not start, and where it was searched."""
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


_NOT_FORKED: Final = 126
"""The exit status for a process that could not run, as in shells."""


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return a pair of connected sockets; raise `NoRoom`."""
    try:
        return DESCRIPTORS.socket_pair()
    except OSError as error:
        raise NoRoom(f"cannot create a socket: {os.strerror(error.errno or 0)}") from None


def fork_request(launch: Launch, folder: Path) -> bytes:
    """Return the request to fork a process, encoded."""
    arguments = [os.fsencode(argument) for argument in launch.command[1:]]
    env = {os.fsencode(name): os.fsencode(value) for name, value in launch.environment.items()}
    return ForkRequest(arguments, os.fsencode(folder), env).write()


class ForkedChild:
    """A process that the fork server started, and whose end it reports."""

    def __init__(self, control: socket.socket, order: bytes, stdio: Stdio) -> None:
        self._control = control
        self._received: deque[bytes] = deque()
        self._status: int | None = None
        fds = [stdio.stdin, stdio.stdout, stdio.stderr]
        sent = socket.send_fds(control, [order], fds)
        control.sendall(order[sent:])
        reset_after_fork(self._in_fork)

    def poll(self) -> int | None:
        """Return the exit status, minus the number of the signal that ended it; or `None`."""
        if self._status is None:
            received = self._received
            try:
                # One call receives and keeps: a signal handler between the two would lose data.
                received.extend(map(self._control.recv, (2 * INT.size,), (socket.MSG_DONTWAIT,)))
            except BlockingIOError:
                return None
            except OSError:
                received.append(b"")
            data = b"".join(received)
            if len(data) == 2 * INT.size:
                self._status = INT.unpack_from(data, INT.size)[0]
            elif not received[-1]:
                self._status = self._orphaned(data)
        return self._status

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process group, if it still exists."""
        with suppress(OSError):
            self._control.send(bytes([number]))

    def release(self) -> None:
        """Close the connection, so that the server forgets the process."""
        DESCRIPTORS.close_socket(self._control)

    def _in_fork(self) -> None:
        self._control.detach()

    def _orphaned(self, received: bytes) -> int:
        """Kill a process whose fork server has ended, because its end would not be reported."""
        if len(received) < INT.size:
            return _NOT_FORKED
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(INT.unpack_from(received)[0], signal.SIGKILL)
        return -signal.SIGKILL
