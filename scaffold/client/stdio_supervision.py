"""How often a process is started again, and what is remembered of it meanwhile. No I/O."""

import logging
from typing import Final

from scaffold.client.session import Session
from scaffold.client.stdio_connection import Connection
from scaffold.contract.errors import ConnectFailed, PeerCrashed, ProtocolError, TransportError
from scaffold.contract.hook import Kind

__all__ = ["Supervision"]

_MOST_RESTARTS: Final = 5
_FIRST_DELAY: Final = 0.1


class Supervision:
    """Counts restarts in a row: without one answered call between them.

    The first restart is immediate, then 0.1 s are waited, 0.2 s, 0.4 s, 0.8 s; there is no sixth.
    """

    def __init__(self, kind: Kind, plugin: str) -> None:
        self._kind = kind
        self._plugin = plugin
        self._logger = logging.getLogger(f"plugin.{plugin}")
        self._version = ""
        self._restarts = 0
        self.last = ""
        """Why the last process is gone."""

    def session(self) -> Session:
        """Make the session of a new process; the era of the one before it is tried first."""
        session = Session(self._kind, self._plugin)
        session.version = self._version
        return session

    def opened(self, connection: Connection) -> None:
        """Note that a process has started and answered."""
        self._version = connection.session.version
        connection.served()

    def refused(self, error: TransportError) -> TransportError:
        """Note that a process did not start, or did not speak MCP; return what to raise."""
        self._version = ""
        self.last = str(error)
        if isinstance(error, ProtocolError | ConnectFailed):
            return error
        return ConnectFailed(str(error))

    def restart(self, connection: Connection) -> float:
        """Count a restart of a connection that has ended; return the seconds to wait before it.

        Raises `PeerCrashed` if there were too many.
        """
        if connection.served():
            self._restarts = 0
        if not self._restarts and connection.end is not None:
            self.last = str(connection.end())
        if self._restarts == _MOST_RESTARTS:
            self._logger.error("given up after %d restarts: %s", _MOST_RESTARTS, self.last)
            raise PeerCrashed(
                f"{self._plugin}: given up after {_MOST_RESTARTS} restarts in a row; {self.last}"
            )
        self._restarts += 1
        self._logger.warning("restart %d: %s", self._restarts, self.last)
        return _FIRST_DELAY * 2 ** (self._restarts - 2) if self._restarts > 1 else 0.0
