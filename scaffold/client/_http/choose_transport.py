"""What carries a request to a server and its response back, whoever does it.

A server on this machine is spoken to by `local`, as is one whose certificate is pinned, and any
other in a process that a fork has made; all else goes by the library in `remote`.
docs/decisions/0026-loopback.md and 0033-foreign-servers.md say why.
"""

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Final, Protocol

from scaffold._concurrency.forks import reset_after_fork
from scaffold.client._http.transport.io_requests import Head, Send
from scaffold.client._http.transport.server_address import Address

__all__ = [
    "AsyncResponse",
    "AsyncTransport",
    "Response",
    "Transport",
    "async_transport",
    "transport",
]


class Response(Head, Protocol):
    """A response whose head has come."""

    def read(self) -> bytes | None:
        """Return what comes next of the body, `None` at its end; raise `Broken`."""
        ...


class AsyncResponse(Head, Protocol):
    """A response whose head has come, for an event loop."""

    async def read(self) -> bytes | None:
        """Return what comes next of the body, `None` at its end; raise `Broken`."""
        ...


class Transport(Protocol):
    """Sends requests from any thread; connections are kept and shared."""

    def send(
        self, send: Send, *, whole: bool = False, patience: float | None = None
    ) -> AbstractContextManager[Response]:
        """Return what sends a request when it is entered, and leaves its response when it is left.

        Entering raises `Broken`. `whole` says that a response is expected whose body comes with
        its head, `patience` for how many seconds nothing may come of it (not given: no matter).
        """
        ...

    def close(self) -> None:
        """Close all connections; whoever waits at one is told by `Broken`."""
        ...

    def leave_behind(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        ...


class AsyncTransport(Protocol):
    """Sends requests from one event loop, as `Transport` does."""

    def send(
        self, send: Send, *, whole: bool = False, patience: float | None = None
    ) -> AbstractAsyncContextManager[AsyncResponse]:
        """Return what `Transport.send` returns; a task that is cancelled hangs up."""
        ...

    async def close(self) -> None:
        """Close all connections; whoever waits at one is told by `Broken`."""
        ...

    def leave_behind(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        ...


class _Library:
    """Whether the library of `remote` can be used: not in a fork of a process that has used it."""

    def __init__(self) -> None:
        self._used = False
        self._lost = False
        reset_after_fork(self._lose)

    def serves(self, address: Address) -> bool:
        """Tell whether requests to an address are made by the library."""
        if address.local or self._lost or (address.pinned and not address.proxied):
            return False
        self._used = True
        return True

    def _lose(self) -> None:
        # Its threads are gone: it refuses to make a client.
        self._lost = self._lost or self._used


_LIBRARY: Final = _Library()


def transport(address: Address) -> Transport:
    """Return what reaches an address; raise `ConnectFailed` if nothing can."""
    if not _LIBRARY.serves(address):
        from scaffold.client._http.http11.sync_transport import LocalTransport

        return LocalTransport(address)
    from scaffold.client._http.reqwest.sync_transport import RemoteTransport

    return RemoteTransport(address)


def async_transport(address: Address) -> AsyncTransport:
    """Return what reaches an address from an event loop; see `transport`."""
    if not _LIBRARY.serves(address):
        from scaffold.client._http.http11.async_transport import AsyncLocalTransport

        return AsyncLocalTransport(address)
    from scaffold.client._http.reqwest.async_transport import AsyncRemoteTransport

    return AsyncRemoteTransport(address)
