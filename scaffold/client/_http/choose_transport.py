"""The interface of HTTP transports, and the choice between two.

`http11` serves addresses on this machine and pinned certificates. In a fork of a process that has
used the library it serves all addresses. Everything else uses `reqwest_transports`. The reasons
are in docs/decisions/0026-loopback.md and 0033-foreign-servers.md.
"""

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Final, Protocol

from scaffold._concurrency.forks import reset_after_fork
from scaffold.client._http.transport.io_requests import ResponseHead, SendRequest
from scaffold.client._http.transport.server_address import ServerAddress


class Response(ResponseHead, Protocol):
    """A response whose head has arrived."""

    def read(self) -> bytes | None:
        """Return the next part of the body, `None` at its end; raise `RequestFailed`."""
        ...


class AsyncResponse(ResponseHead, Protocol):
    """A response whose head has arrived, for an event loop."""

    async def read(self) -> bytes | None:
        """Return the next part of the body, `None` at its end; raise `RequestFailed`."""
        ...


class Transport(Protocol):
    """Sends requests from any thread; connections are kept and shared."""

    def send(
        self,
        send: SendRequest,
        *,
        expects_small_body: bool = False,
        read_timeout: float | None = None,
    ) -> AbstractContextManager[Response]:
        """Return a context manager: it sends the request, and closes the response at its end.

        Args:
            send: The request.
            expects_small_body: The body will probably arrive together with the head.
            read_timeout: Seconds within which the next part must arrive; `None` for no limit.

        Raises:
            RequestFailed: On entering, if no head of a response arrives.
        """
        ...

    def close(self) -> None:
        """Close all connections. Waiting calls raise `RequestFailed`."""
        ...

    def abandon_in_fork(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        ...


class AsyncTransport(Protocol):
    """Sends requests from one event loop, as `Transport` does."""

    def send(
        self,
        send: SendRequest,
        *,
        expects_small_body: bool = False,
        read_timeout: float | None = None,
    ) -> AbstractAsyncContextManager[AsyncResponse]:
        """Return what `Transport.send` returns; a task that is cancelled hangs up."""
        ...

    async def close(self) -> None:
        """Close all connections. Waiting calls raise `RequestFailed`."""
        ...

    def abandon_in_fork(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        ...


class _LibraryUse:
    """Whether the library can be used. It cannot in a fork of a process that has used it."""

    def __init__(self) -> None:
        self._used = False
        self._lost = False
        reset_after_fork(self._lose)

    def serves(self, address: ServerAddress) -> bool:
        """Return whether the library sends the requests to an address."""
        if (
            address.is_plain_loopback
            or self._lost
            or (address.has_pinned_certificate and not address.needs_proxy)
        ):
            return False
        self._used = True
        return True

    def _lose(self) -> None:
        # The fork has none of its threads, and the library refuses to create a client.
        self._lost = self._lost or self._used


_LIBRARY: Final = _LibraryUse()


def sync_transport(address: ServerAddress) -> Transport:
    """Return the transport for an address; raise `ConnectFailed` if there is none."""
    if not _LIBRARY.serves(address):
        from scaffold.client._http.http11.sync_transport import Http11Transport

        return Http11Transport(address)
    from scaffold.client._http.reqwest_transports import ReqwestTransport

    return ReqwestTransport(address)


def async_transport(address: ServerAddress) -> AsyncTransport:
    """Return what reaches an address from an event loop; see `sync_transport`."""
    if not _LIBRARY.serves(address):
        from scaffold.client._http.http11.async_transport import AsyncHttp11Transport

        return AsyncHttp11Transport(address)
    from scaffold.client._http.reqwest_transports import AsyncReqwestTransport

    return AsyncReqwestTransport(address)
