"""How a process is started and its session opened, and how often it is restarted. No I/O.

What a channel does here is a generator of steps, so that it is written once for threads and loops.
"""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias, TypeVar

from scaffold._mcp.jsonrpc import Message
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.client._stdio.connection.transport import inherited_connection_error
from scaffold.contract._errors.errors import (
    ConnectFailed,
    DeadlineExceeded,
    PeerCrashed,
    TransportError,
)
from scaffold.contract._hooks.hook import Kind

C = TypeVar("C", bound=Connection)
T = TypeVar("T")

Steps: TypeAlias = Generator[tuple[C, OutgoingMessage | None], Message | None, T]
"""Yields a connection with a message to send; receives its response, or its `TransportError`.

Without a message, the receiver closes the connection.
"""

_FATAL_AFTER_PROBE: Final = ("server/discover", "initialize")
"""Methods at which an old server can crash after the probe: mcp 1.0.0 crashes at the second one."""

_MAX_RESTARTS: Final = 5
_FIRST_DELAY: Final = 0.1


class RestartPolicy:
    """Counts restarts in a row, without a successful call between them.

    The first restart is immediate. The next ones wait 0.1 s, 0.2 s, 0.4 s and 0.8 s. A sixth
    restart is refused.
    """

    def __init__(self, kind: Kind, plugin: str) -> None:
        self._kind = kind
        self._plugin = plugin
        self._logger = logging.getLogger(f"plugin.{plugin}")
        self._version = ""
        self._restarts = 0
        self._last = ""

    def session(self) -> ProtocolSession:
        """Return the session for a new process, which tries the last protocol revision first."""
        session = ProtocolSession(self._kind, self._plugin)
        session.version = self._version
        return session

    def open_steps(self, start: Callable[[ProtocolSession], C]) -> Steps[C, C]:
        """Start a process and open a session with it; return the connection.

        The process is started again, and without a probe, if it is an old server that has crashed
        because of the probe. The caller closes what was started last if this fails.
        """
        session = self.session()
        connection = start(session)
        with self._opening(session), suppress(StopIteration):
            conversation = session.open()
            outgoing = next(conversation)
            probed = False
            while True:
                probed = probed or outgoing.is_probe
                crashed = False
                answer = None
                try:
                    answer = yield connection, outgoing
                except PeerCrashed:
                    if not (probed and outgoing.method in _FATAL_AFTER_PROBE):
                        raise
                    crashed = True
                if crashed:
                    probed = False
                    yield connection, None
                    connection = start(session)
                    if not outgoing.is_probe:
                        answer = yield connection, outgoing
                outgoing = conversation.send(answer)
        connection.answered_since_check()
        return connection

    @contextmanager
    def _opening(self, session: ProtocolSession) -> Generator[None]:
        """Record how a session opens; turn a crash and a timeout into `ConnectFailed`."""
        try:
            yield
        except TransportError as error:
            self._version = ""
            self._last = str(error)
            if isinstance(error, PeerCrashed | DeadlineExceeded):
                raise ConnectFailed(str(error)) from None
            raise
        self._version = session.version

    def restart_timeout_error(self) -> DeadlineExceeded:
        """Return the error of a call whose deadline passed during a restart."""
        return DeadlineExceeded(f"{self._plugin}: not yet up again after: {self._last}")

    def count_restart(self, connection: Connection) -> float:
        """Count a restart after a connection has ended; return its delay in seconds.

        Raises `PeerCrashed` after too many restarts. The first connection of a fork is not counted.
        """
        if connection.end is inherited_connection_error:
            self._restarts = 0
            return 0.0
        if connection.answered_since_check():
            self._restarts = 0
        if not self._restarts and connection.end is not None:
            self._last = str(connection.end())
        if self._restarts == _MAX_RESTARTS:
            self._logger.error("given up after %d restarts: %s", _MAX_RESTARTS, self._last)
            raise PeerCrashed(
                f"{self._plugin}: given up after {_MAX_RESTARTS} restarts in a row; {self._last}"
            )
        self._restarts += 1
        self._logger.warning("restart %d: %s", self._restarts, self._last)
        return _FIRST_DELAY * 2 ** (self._restarts - 2) if self._restarts > 1 else 0.0

    def undo_restart(self) -> None:
        """Do not count a restart that failed because the host lacked a resource."""
        self._restarts = max(0, self._restarts - 1)


def channel_closed_error() -> ConnectFailed:
    """Return the error of a call on a closed channel."""
    return ConnectFailed("the channel is closed")


def list_steps(connection: C) -> Steps[C, None]:
    """List the tools of a server again."""
    conversation = connection.session.list_tools()
    with suppress(StopIteration):
        outgoing = next(conversation)
        while True:
            outgoing = conversation.send((yield connection, outgoing))
