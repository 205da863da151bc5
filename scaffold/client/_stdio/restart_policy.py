"""How often and after which delay a process is restarted. No I/O."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from scaffold.client._protocol.session import ProtocolSession
from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.client._stdio.connection.transport import inherited_connection_error
from scaffold.contract._errors.errors import (
    ConnectFailed,
    DeadlineExceeded,
    PeerCrashed,
    TransportError,
)
from scaffold.contract._hooks.hook import Kind

FATAL_AFTER_PROBE: Final = ("server/discover", "initialize")
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

    @contextmanager
    def opening(self, session: ProtocolSession) -> Generator[None]:
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


def describe_state(connection: Connection | None, *, closed: bool) -> str:
    """Return plugin, kind, runtime and state of a channel, for its `repr`."""
    if connection is None:
        return "mcp_stdio, not connected"
    session = connection.session
    state = "closed" if closed else "open" if connection.end is None else "ended"
    return f"{session.plugin} ({session.kind.name}), mcp_stdio, {state}"
