"""Fork servers: one process for each Python environment, of which plugins are forks.

A fork has imported already what every plugin imports, and shares the memory of it with all others.
"""

import logging
import os
import re
import shutil
import signal
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._fork_messages import INT, READY, ForkRequest
from scaffold.client._process.descriptors import DESCRIPTORS
from scaffold.client._process.launch import (
    Child,
    Launch,
    NoRoom,
    Spawn,
    Stdio,
    spawn,
    start_process,
)
from scaffold.client._process.process import Process
from scaffold.contract._errors.errors import ConnectFailed

__all__ = ["ForkServers"]

log = logging.getLogger(__name__)

_PYTHON: Final = re.compile(r"python(\d(\.\d+)?)?$")
_STARTUP_PREFIXES: Final = ("PYTHON", "PYDANTIC_", "LD_", "DYLD_", "MALLOC_", "LC_", "LANG")
"""How variables begin that an interpreter or an import reads once."""
_SERVER_CODE: Final = (
    # What lies in the folder that the host happens to run in is none of a plugin's modules.
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from scaffold.server._process.fork_server import main; main()"
)
_START_TIMEOUT: Final = 30.0
"""Seconds that a server may take to start, or to take an order."""
_GRACE_PERIOD: Final = 6.0
"""Seconds to the end of a server whose host has left; it ends its processes within four."""

_MAX_STDERR_BYTES: Final = 1 << 16
_NOT_FORKED: Final = 126
"""The exit status of what never ran, as shells have it."""


@dataclass(frozen=True, slots=True)
class _Environment:
    """What the forks of one server have in common."""

    program: str
    """The interpreter's path."""
    variables: tuple[tuple[str, str], ...]
    """The variables that it reads as it starts."""
    inherit: tuple[str, ...] | None
    """The host's variables that it inherits, because the kernel shows them to each fork."""


class ForkServers:
    """Starts processes as forks where that is possible, and anew where it is not.

    The log says where it is not, and why. For any thread.
    """

    def __init__(self) -> None:
        self._slots: dict[_Environment, _ForkServerSlot] = {}

    def prepare(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        inherit: Sequence[str] | None = None,
    ) -> Spawn:
        """Return what starts such a command, with these variables on top of the host's own.

        The first command of an environment waits until its fork server is up.

        Args:
            command: What is started.
            env: Its variables, over those that it inherits.
            inherit: The host's variables that it inherits; `None` stands for all. Its fork server
                then inherits none but those that were listed as it started.
        """
        launch = Launch(command, env=env, inherit=inherit)
        try:
            environment = _environment_of(launch)
        except _NotForkable as reason:
            log.info("%s is started anew: %s", " ".join(command[:3]), reason)
            return spawn
        return self._slots.setdefault(environment, _ForkServerSlot(environment)).prepare()

    def close(self) -> None:
        """End the servers, and what they have started. May be repeated."""
        for environment in list(self._slots):
            slot = self._slots.pop(environment, None)
            if slot is not None:
                slot.close()


class _NotForkable(Exception):
    """Why a command cannot be a fork."""


def _environment_of(launch: Launch) -> _Environment:
    """Return whose fork a process can be; raise `_NotForkable` if it can be nobody's."""
    if not hasattr(os, "fork"):
        raise _NotForkable("this system cannot fork")
    program, first = (*launch.command, "", "")[:2]
    is_module = first == "-m" and len(launch.command) > len(("python", "-m"))
    if not (_PYTHON.match(Path(program).name) and (is_module or first.endswith(".py"))):
        raise _NotForkable("it is neither 'python -m MODULE' nor 'python FILE.py'")
    env = launch.environment
    if not all(map(os.path.isabs, filter(None, env.get("PYTHONPATH", "").split(os.pathsep)))):
        raise _NotForkable("PYTHONPATH depends on the folder it runs in")
    found = shutil.which(program, path=env.get("PATH", os.defpath))
    if found is None:
        raise _NotForkable(f"'{program}' is not found")
    variables = tuple(sorted(item for item in env.items() if item[0].startswith(_STARTUP_PREFIXES)))
    inherit = None if launch.inherit is None else tuple(sorted(set(launch.inherit)))
    return _Environment(found, variables, inherit)


class _ForkServerSlot:
    """Where the fork server of one environment is. A fork of the host starts one of its own."""

    def __init__(self, environment: _Environment) -> None:
        self._environment = environment
        self._lock = reentrant_lock(Rank.THREADS)
        """Held while a server is started: the others wait for it."""
        self._server: _ForkServer | None = None
        self._unavailable = False
        """True if there is no server any more, or none can be started."""
        reset_after_fork(self._in_fork)

    def prepare(self) -> Spawn:
        """Start the server if there is none; return what starts processes."""
        return spawn if self._running() is None else self.spawn

    def spawn(self, launch: Launch, stdio: Stdio) -> Child:
        """Fork a process; start it without a server if there is none, or a fork is of no use."""
        folder, file = launch.cwd or Path.cwd(), launch.command[1]
        forks = folder.is_dir() and (file == "-m" or (folder / file).is_file())
        server = self._running() if forks else None
        return spawn(launch, stdio) if server is None else server.spawn(launch, stdio, folder)

    def _running(self) -> "_ForkServer | None":
        with self._lock:
            if self._server is not None and not self._server.is_alive:
                self._server.close()
                self._server = None
            if self._server is None and not self._unavailable:
                try:
                    self._server = _ForkServer(self._environment)
                except NoRoom as error:
                    log.warning("no forks of '%s' now: %s", self._environment.program, error)
                except ConnectFailed as error:
                    self._unavailable = True
                    log.warning("no forks of '%s': %s", self._environment.program, error)
            return self._server

    def close(self) -> None:
        """End the server."""
        self._unavailable = True
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _in_fork(self) -> None:
        self._lock = reentrant_lock(Rank.THREADS)
        self._server = None


class _ForkServer:
    """A process that forks; raises `ConnectFailed` if it does not start."""

    def __init__(self, environment: _Environment) -> None:
        self._socket, server_end = _socket_pair()

        def connected(launch: Launch, stdio: Stdio) -> Child:
            return start_process(launch, Stdio(server_end.fileno(), stdio.stdout, stdio.stderr))

        with ExitStack() as undo:
            undo.callback(DESCRIPTORS.close_socket, self._socket)
            with ExitStack() as started:
                started.callback(DESCRIPTORS.close_socket, server_end)
                launch = Launch(
                    [environment.program, "-c", _SERVER_CODE],
                    env=dict(environment.variables),
                    spawn=connected,
                    inherit=environment.inherit,
                )
                self._process = Process(launch)
            undo.callback(self.close)
            self._socket.settimeout(_START_TIMEOUT)
            self._wait_until_ready()
            undo.pop_all()
        reset_after_fork(self._in_fork)

    @property
    def is_alive(self) -> bool:
        """True if it can still fork."""
        return not self._process.exited()

    def spawn(self, launch: Launch, stdio: Stdio, folder: Path) -> Child:
        """Fork a process that runs in a folder; start it without the server if that has ended."""
        control, server_end = _socket_pair()
        try:
            socket.send_fds(self._socket, [b"+"], [server_end.fileno()])
            return _ForkedChild(control, _fork_request(launch, folder), stdio)
        except OSError as error:
            DESCRIPTORS.close_socket(control)
            log.warning("%s is started without it: no fork server (%s)", launch.command[0], error)
            return spawn(launch, stdio)
        except BaseException:
            DESCRIPTORS.close_socket(control)
            raise
        finally:
            DESCRIPTORS.close_socket(server_end)

    def close(self) -> None:
        """End it, and what it has forked. May be repeated."""
        DESCRIPTORS.close_socket(self._socket)
        self._process.terminate(_GRACE_PERIOD)
        self._process.release()

    def _in_fork(self) -> None:
        self._socket.detach()

    def _wait_until_ready(self) -> None:
        try:
            word = self._socket.recv(len(READY))
        except OSError as error:
            raise ConnectFailed(f"the fork server does not start: {error}") from None
        if word == READY:
            return
        output = (
            os.read(self._process.stderr, _MAX_STDERR_BYTES).decode(errors="replace").splitlines()
        )
        reason = output[-1] if output else "it is not of this version"
        raise ConnectFailed(f"the fork server does not start: {reason}")


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    try:
        return DESCRIPTORS.socket_pair()
    except OSError as error:
        raise NoRoom(f"cannot make a socket: {os.strerror(error.errno or 0)}") from None


def _fork_request(launch: Launch, folder: Path) -> bytes:
    """Write what the fork server is to do."""
    arguments = [os.fsencode(argument) for argument in launch.command[1:]]
    env = {os.fsencode(name): os.fsencode(value) for name, value in launch.environment.items()}
    return ForkRequest(arguments, os.fsencode(folder), env).write()


class _ForkedChild:
    """A process that the fork server started, and tells of."""

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
                # One call receives and keeps, whatever comes in between.
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
        """Signal the process and what it has started, as far as that still exists."""
        with suppress(OSError):
            self._control.send(bytes([number]))

    def release(self) -> None:
        """Let the server forget the process."""
        DESCRIPTORS.close_socket(self._control)

    def _in_fork(self) -> None:
        self._control.detach()

    def _orphaned(self, received: bytes) -> int:
        """End a process of which nobody can tell when it ends by itself."""
        if len(received) < INT.size:
            return _NOT_FORKED
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(INT.unpack_from(received)[0], signal.SIGKILL)
        return -signal.SIGKILL
