"""Fork servers: one process for each Python environment, from which plugin processes are forked.

A fork has the modules that every plugin imports, and shares their memory with all other forks.
"""

import logging
import os
import re
import select
import shutil
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._fork_messages import READY
from scaffold.client._process.descriptors import DESCRIPTORS
from scaffold.client._process.launch import (
    Child,
    ForkedChild,
    Launch,
    NoRoom,
    Spawn,
    Stdio,
    fork_request,
    socket_pair,
    spawn,
    start_process,
)
from scaffold.client._process.process import Process
from scaffold.contract._errors.errors import ConnectFailed

log = logging.getLogger(__name__)

_PYTHON: Final = re.compile(r"python(\d(\.\d+)?)?$")
_STARTUP_PREFIXES: Final = ("PYTHON", "PYDANTIC_", "LD_", "DYLD_", "MALLOC_", "LC_", "LANG")
"""Prefixes of variables that an interpreter or an import reads only once."""
_SERVER_CODE: Final = (
    # Modules in the working directory of the host must not shadow those of a plugin.
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from scaffold.server._fork_server import main; main()"
)
_START_TIMEOUT: Final = 30.0
"""Seconds that a server may take to start, or to accept a request."""
_GRACE_PERIOD: Final = 6.0
"""Seconds until a server is ended by force. It ends its processes within four."""

_MAX_STDERR_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class _Environment:
    """What all forks of one server have in common."""

    program: str
    """The interpreter's path."""
    variables: tuple[tuple[str, str], ...]
    """The variables that it reads at its start."""
    inherit: tuple[str, ...] | None
    """The names of the inherited variables: `/proc/PID/environ` shows them in each fork."""


class ForkServers:
    """Starts processes as forks where that is possible, and as new interpreters otherwise.

    The log says why a command cannot be a fork. Thread-safe. Example::

        forks = ForkServers()
        channel = StdioChannel(command, kind=TOOL, plugin="demo", spawn=forks.prepare(command, {}))
    """

    def __init__(self) -> None:
        self._slots: dict[_Environment, _ForkServerSlot] = {}

    def prepare(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        inherit: Sequence[str] | None = None,
    ) -> Spawn:
        """Return the function that starts a command, to be passed to a channel as `spawn`.

        The first command of an environment waits until its fork server is ready.

        Args:
            command: The program and its arguments.
            env: Variables that are added to the inherited ones.
            inherit: The names of the host's variables that it inherits; `None` means all. With a
                list, the fork server inherits only these variables too.
        """
        launch = Launch(command, env=env, inherit=inherit)
        try:
            environment = _environment_of(launch)
        except _NotForkable as reason:
            log.info("%s is started without a fork server: %s", " ".join(command[:3]), reason)
            return spawn
        return self._slots.setdefault(environment, _ForkServerSlot(environment)).prepare()

    def close(self) -> None:
        """End the servers and all processes that they have started. May be repeated."""
        for environment in list(self._slots):
            slot = self._slots.pop(environment, None)
            if slot is not None:
                slot.close()


class _NotForkable(Exception):
    """Why a command cannot be a fork."""


def _environment_of(launch: Launch) -> _Environment:
    """Return the environment whose server can fork a process; raise `_NotForkable`."""
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
    """Starts the fork server of one environment on first use; a fork of the host has its own."""

    def __init__(self, environment: _Environment) -> None:
        self._environment = environment
        self._lock = reentrant_lock(Rank.THREADS)
        """Held while a server is started. Other threads wait for it."""
        self._server: _ForkServer | None = None
        self._unavailable = False
        """True if the server was closed or cannot be started."""
        reset_after_fork(self._in_fork)

    def prepare(self) -> Spawn:
        """Start the server if it is not running; return the function that starts processes."""
        return spawn if self._running() is None else self.spawn

    def spawn(self, launch: Launch, stdio: Stdio) -> Child:
        """Fork a process; start it without a server if there is none or its code is missing."""
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
                if self._unavailable:  # closed meanwhile
                    self.close()
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
    """A running fork server; raises `ConnectFailed` if it does not start."""

    def __init__(self, environment: _Environment) -> None:
        self._socket, server_end = socket_pair()

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
        """True if it can still fork.

        The connection of a server that was killed is closed a moment before the system reports its
        end, and what is sent in this moment would be lost.
        """
        hangup = select.poll()
        hangup.register(self._socket, 0)
        return not (hangup.poll(0) or self._process.exited())

    def spawn(self, launch: Launch, stdio: Stdio, folder: Path) -> Child:
        """Fork a process that runs in `folder`; start it without the server if that has ended."""
        control, server_end = socket_pair()
        try:
            socket.send_fds(self._socket, [b"+"], [server_end.fileno()])
            return ForkedChild(control, fork_request(launch, folder), stdio)
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
        """End the server and all its forks. May be repeated."""
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
