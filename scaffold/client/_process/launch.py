"""How child processes are started, and why one was not.

A child leads a session of its own: signals meant for the host do not reach it, and whatever it
starts can be ended with it. Source: MCP 2026-07-28, stdio: Shutdown.
"""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from scaffold.client._process.environment import inherited_variables
from scaffold.client._process.orphan_reaper import ORPHAN_REAPER
from scaffold.contract._errors.errors import ConnectFailed

__all__ = ["Child", "Launch", "NoRoom", "Spawn", "Stdio", "spawn", "start_process"]

_SCARCITY: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)

_DEFAULT_VARIABLES: Final = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=127"}
"""Lets a child keep more of what it has freed at hand, if its C library is glibc.

A payload of 10 KB is read in hundreds of small pieces: to take each from the heap that the threads
share costs a tenth of the time. What the host, or the plugin's manifest, sets goes before.
"""


class NoRoom(ConnectFailed):
    """The host, not the plugin, is out of descriptors, processes, threads or memory."""


@dataclass(frozen=True, slots=True)
class Stdio:
    """What a child has as descriptors 0, 1 and 2; the caller that starts it closes these ends."""

    stdin: int
    stdout: int
    stderr: int


class Child(Protocol):
    """A process that was started, and leads a session and a group of its own."""

    def poll(self) -> int | None:
        """Return the exit status, minus the number of the signal that ended it; or `None`."""

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
    """Variables on top of those of the host."""
    spawn: "Spawn | None" = None
    """What starts it; `None` starts a new one, as `spawn` does."""
    inherit: Sequence[str] | None = None
    """The host's own variables that it gets; `None` stands for all."""

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
        """Signal the process and what it has started, as far as that still exists."""
        # macOS answers EPERM for a group of which only the dead leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def release(self) -> None:
        """Reap the process; let it live on, should the host be killed, if it lives."""
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
