"""How often a process is started again, and what is remembered of it meanwhile. No I/O."""

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

__all__ = ["FATAL_AFTER_PROBE", "RestartPolicy", "channel_closed_error"]

FATAL_AFTER_PROBE: Final = ("server/discover", "initialize")
"""Messages that an old server may die of because of the probe: mcp 1.0.0 dies of the second one."""

_MAX_RESTARTS: Final = 5
_FIRST_DELAY: Final = 0.1


class RestartPolicy:
    """Counts restarts in a row: without one answered call between them.

    The first restart is immediate, then 0.1 s are waited, 0.2 s, 0.4 s, 0.8 s; there is no sixth.
    """

    def __init__(self, kind: Kind, plugin: str) -> None:
        self._kind = kind
        self._plugin = plugin
        self._logger = logging.getLogger(f"plugin.{plugin}")
        self._version = ""
        self._restarts = 0
        self._last = ""

    def session(self) -> ProtocolSession:
        """Make the session of a new process; the era of the one before it is tried first."""
        session = ProtocolSession(self._kind, self._plugin)
        session.version = self._version
        return session

    @contextmanager
    def opening(self, session: ProtocolSession) -> Generator[None]:
        """Note how a session opens; a server that gives no answer becomes `ConnectFailed`."""
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
        """Return the error of a call whose time is over before the process is up again."""
        return DeadlineExceeded(f"{self._plugin}: not yet up again after: {self._last}")

    def count_restart(self, connection: Connection) -> float:
        """Count a restart of a connection that has ended; return the seconds to wait before it.

        Raises `PeerCrashed` if there were too many. The first connection of a fork is not counted.
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
        """Take a restart back that the host had no room for: the plugin is not to blame."""
        self._restarts = max(0, self._restarts - 1)


def channel_closed_error() -> ConnectFailed:
    """Return the error of a call after the channel was closed."""
    return ConnectFailed("the channel is closed")
