"""Fork servers: one process for each Python environment, of which plugins are forks.

A fork has imported already what every plugin imports, and shares the memory of it with all others.
"""

import logging
import os
import re
import shutil
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, TypeAlias

from scaffold.client.stdio.process import Child, Launch, Process, Spawn, Stdio, spawn, start
from scaffold.contract.errors import ConnectFailed
from scaffold.wire.forking import NUMBER, READY, Order

__all__ = ["ForkServers"]

log = logging.getLogger(__name__)

_PYTHON: Final = re.compile(r"python(\d(\.\d+)?)?$")
_AT_START: Final = ("PYTHON", "PYDANTIC_", "LD_", "DYLD_", "MALLOC_", "LC_", "LANG")
"""How variables begin that an interpreter or an import reads once."""
_CODE: Final = (
    # What lies in the folder that the host happens to run in is none of a plugin's modules.
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from scaffold.server.forking import main; main()"
)
_PATIENCE: Final = 30.0
"""Seconds that a server may take to start, or to take an order."""
_GRACE: Final = 6.0
"""Seconds to the end of a server whose host has left; it ends its processes within four."""

_MOST_SAID: Final = 1 << 16
_NOT_FORKED: Final = 126
"""The exit status of what never ran, as shells have it."""

_Environment: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""An interpreter's path, and the variables that it reads as it starts."""


class ForkServers:
    """Starts processes as forks where that is possible, and anew where it is not.

    The log says where it is not, and why. For any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[_Environment, _Place] = {}

    def prepare(self, command: Sequence[str], env: Mapping[str, str]) -> Spawn:
        """Return what starts such a command, with these variables on top of the host's own.

        The first command of an environment waits until its fork server is up.
        """
        launch = Launch(command, env=env)
        try:
            environment = _environment_of(launch)
        except _Unfit as reason:
            log.info("%s is started anew: %s", " ".join(command[:3]), reason)
            return spawn
        with self._lock:
            place = self._places.setdefault(environment, _Place())
        return place.spawn(environment)

    def close(self) -> None:
        """End the servers, and what they have started. May be repeated."""
        with self._lock:
            places = list(self._places.values())
            self._places.clear()
        for place in places:
            place.close()


class _Unfit(Exception):
    """Why a command cannot be a fork."""


def _environment_of(launch: Launch) -> _Environment:
    """Return whose fork a process can be; raise `_Unfit` if it can be nobody's."""
    if not hasattr(os, "fork"):
        raise _Unfit("this system cannot fork")
    program, first = (*launch.command, "", "")[:2]
    is_module = first == "-m" and len(launch.command) > len(("python", "-m"))
    if not (_PYTHON.match(Path(program).name) and (is_module or first.endswith(".py"))):
        raise _Unfit("it is neither 'python -m MODULE' nor 'python FILE.py'")
    env = launch.environment
    if not all(map(os.path.isabs, filter(None, env.get("PYTHONPATH", "").split(os.pathsep)))):
        raise _Unfit("PYTHONPATH depends on the folder it runs in")
    found = shutil.which(program, path=env.get("PATH"))
    if found is None:
        raise _Unfit(f"'{program}' is not found")
    return found, tuple(sorted(item for item in env.items() if item[0].startswith(_AT_START)))


class _Place:
    """Where the fork server of one environment is, once there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _ForkServer | None = None
        self._failed = False

    def spawn(self, environment: _Environment) -> Spawn:
        """Start the server if there is none; return what starts processes."""
        with self._lock:
            if self._failed:
                return spawn
            if self._server is not None and not self._server.lives:
                self._server.close()
                self._server = None
            if self._server is None:
                try:
                    self._server = _ForkServer(environment)
                except ConnectFailed as error:
                    self._failed = True
                    log.warning("no forks of '%s': %s", environment[0], error)
                    return spawn
            return self._server.spawn

    def close(self) -> None:
        """End the server."""
        with self._lock:
            if self._server is not None:
                self._server.close()
                self._server = None


class _ForkServer:
    """A process that forks; raises `ConnectFailed` if it does not start."""

    def __init__(self, environment: _Environment) -> None:
        program, variables = environment
        self._socket, theirs = socket.socketpair()

        def connected(launch: Launch, stdio: Stdio) -> Child:
            return start(launch, Stdio(theirs.fileno(), stdio.stdout, stdio.stderr))

        with ExitStack() as undo:
            undo.callback(self._socket.close)
            with theirs:
                launch = Launch([program, "-c", _CODE], env=dict(variables), spawn=connected)
                self._process = Process(launch)
            undo.callback(self.close)
            self._socket.settimeout(_PATIENCE)
            self._greet()
            undo.pop_all()

    @property
    def lives(self) -> bool:
        """True if it can still fork."""
        return not self._process.exited()

    def spawn(self, launch: Launch, stdio: Stdio) -> Child:
        """Fork a process; start it anew if that cannot be done, or is no use."""
        folder, file = launch.cwd or Path.cwd(), launch.command[1]
        if not folder.is_dir() or not (file == "-m" or (folder / file).is_file()):
            return spawn(launch, stdio)
        control, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._socket, [b"+"], [theirs.fileno()])
            except OSError as error:
                control.close()
                log.warning("%s is started anew: no fork server (%s)", launch.command[0], error)
                return spawn(launch, stdio)
        return _Forked(control, _order(launch, folder), stdio)

    def close(self) -> None:
        """End it, and what it has forked. May be repeated."""
        self._socket.close()
        self._process.end(_GRACE)
        self._process.release()

    def _greet(self) -> None:
        try:
            word = self._socket.recv(len(READY))
        except OSError as error:
            raise ConnectFailed(f"the fork server does not start: {error}") from None
        if word == READY:
            return
        said = os.read(self._process.stderr, _MOST_SAID).decode(errors="replace").splitlines()
        reason = said[-1] if said else "it is not of this version"
        raise ConnectFailed(f"the fork server does not start: {reason}")


def _order(launch: Launch, folder: Path) -> bytes:
    """Write what the fork server is to do."""
    arguments = [os.fsencode(argument) for argument in launch.command[1:]]
    env = {os.fsencode(name): os.fsencode(value) for name, value in launch.environment.items()}
    return Order(arguments, os.fsencode(folder), env).write()


class _Forked:
    """A process that the fork server started, and tells of."""

    def __init__(self, control: socket.socket, order: bytes, stdio: Stdio) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._heard = b""
        self._status: int | None = None
        fds = [stdio.stdin, stdio.stdout, stdio.stderr]
        try:
            sent = socket.send_fds(control, [order], fds)
            control.sendall(order[sent:])
        except OSError:
            control.close()
            raise ConnectFailed("the fork server has ended") from None

    def poll(self) -> int | None:
        """Return the exit status, minus the number of the signal that ended it; or `None`."""
        return self._hear(socket.MSG_DONTWAIT)

    def wait(self) -> int:
        """Wait for the end; return the exit status."""
        while (status := self._hear()) is None:
            pass
        return status

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the process and what it has started, as far as that still exists."""
        with suppress(OSError):
            self._control.send(bytes([number]))

    def release(self) -> None:
        """Let the server forget the process."""
        self._control.close()

    def _hear(self, flags: int = 0) -> int | None:
        with self._lock:
            if self._status is not None:
                return self._status
            try:
                data = self._control.recv(2 * NUMBER.size - len(self._heard), flags)
            except BlockingIOError:
                return None
            except OSError:
                data = b""
            self._heard += data
            if len(self._heard) == 2 * NUMBER.size:
                self._status = NUMBER.unpack_from(self._heard, NUMBER.size)[0]
            elif not data:
                self._status = self._orphaned()
            return self._status

    def _orphaned(self) -> int:
        """End a process of which nobody can tell when it ends by itself."""
        if len(self._heard) < NUMBER.size:
            return _NOT_FORKED
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(NUMBER.unpack_from(self._heard)[0], signal.SIGKILL)
        return -signal.SIGKILL
