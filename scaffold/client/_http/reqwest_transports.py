"""Requests by an HTTP library, to servers elsewhere: TLS, HTTP/2, proxies, names.

docs/decisions/0009-http-library.md says why it is this one.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Final, TypeVar

from pyreqwest.client import BaseClientBuilder, Client, ClientBuilder, SyncClient, SyncClientBuilder
from pyreqwest.exceptions import (
    BodyDecodeError,
    BuilderError,
    ClientClosedError,
    DecodeError,
    DetailedPyreqwestError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.http import Url
from pyreqwest.request import (
    BaseRequestBuilder,
    Request,
    RequestBody,
    StreamRequest,
    SyncStreamRequest,
)
from pyreqwest.response import Response, SyncResponse

from scaffold.client._http.transport.io_requests import (
    Failure,
    RequestCache,
    RequestFailed,
    SendRequest,
)
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.client._http.transport.tls import certificates
from scaffold.contract._errors.errors import ConnectFailed

B = TypeVar("B", bound=BaseClientBuilder)
R = TypeVar("R", bound=BaseRequestBuilder)
Q = TypeVar("Q", bound=Request)

_CONNECTING: Final = "client error (Connect)"
_UNTRUSTED: Final = "invalid peer certificate"
_WORDS: Final = {
    f"{_UNTRUSTED}: UnknownIssuer": "no trusted authority has issued the server's certificate "
    "(tls_ca_bundle adds one): "
}
"""What some causes mean."""
_CAUSES: Final = {Failure.CLOSED: "the channel is closed", Failure.LATE: "no answer came in time"}
_CONNECT_TIMEOUT: Final = timedelta(seconds=10)
_IDLE_TIMEOUT: Final = timedelta(seconds=4)
"""Shorter than the idle timeout of servers (uvicorn: 5 s), so that the client closes first."""
_FIRST_BODY_BYTES: Final = 1
"""Bytes of the body to wait for with the head: a small body then arrives with them."""


_LEFT_BEHIND: Final[list[object]] = []
"""Clients of the parent of a fork, kept alive: freeing them would touch the parent's threads."""


def sync_client(address: ServerAddress, read_timeout: float | None = None) -> SyncClient:
    """Return a client for blocking calls; raise `ConnectFailed` for unusable TLS settings."""
    try:
        return _prepare(SyncClientBuilder(), address, read_timeout).build()
    except ValueError as error:
        raise _unusable(address, error) from None


def async_client(address: ServerAddress, read_timeout: float | None = None) -> Client:
    """Return a client for one event loop; see `sync_client`."""
    try:
        return _prepare(ClientBuilder(), address, read_timeout).build()
    except ValueError as error:
        raise _unusable(address, error) from None


def parse_url(address: ServerAddress) -> Url:
    """Return the URL, read once for all requests."""
    try:
        return Url.parse(address.url)
    except ValueError as error:
        raise ConnectFailed(f"{address}: the URL cannot be read: {error}") from None


def fill_request(request: R, send: SendRequest, *, ahead: int = 0) -> R:
    """Fill in headers, timeout and body; the response is read as a stream.

    `ahead` is how many bytes of the body the library reads before it returns the head.
    """
    return (
        request.headers(send.headers)
        .timeout(timedelta(seconds=send.timeout))
        .body_bytes(send.body)
        .streamed_read_buffer_limit(ahead)
    )


def request_like(template: Q, body: bytes) -> Q:
    """Return a copy of a request, with another body."""
    return type(template).from_request_and_body(template, RequestBody.from_bytes(body))


def read_failure(error: PyreqwestError) -> RequestFailed:
    """Return why a request failed, without the URL that the library would include."""
    causes: list[str] = []
    if isinstance(error, DetailedPyreqwestError):
        causes = [cause["message"] for cause in error.details["causes"] or ()]
    failure = _failure(error, causes)
    cause = _CAUSES.get(failure) or (causes[-1] if causes else error.message)
    return RequestFailed(failure, _WORDS.get(cause, "") + cause)


def _unusable(address: ServerAddress, error: ValueError) -> ConnectFailed:
    if address.tls_ca_bundle is not None and isinstance(error, BuilderError):
        cause = read_failure(error).cause
        return ConnectFailed(f"{address}: tls_ca_bundle: '{address.tls_ca_bundle}': {cause}")
    return ConnectFailed(f"{address}: {address.redact(str(error))}")


def _failure(error: PyreqwestError, causes: list[str]) -> Failure:
    if isinstance(error, ClientClosedError):
        return Failure.CLOSED
    if _CONNECTING in causes:
        untrusted = causes[-1].startswith(_UNTRUSTED)
        return Failure.UNTRUSTED if untrusted else Failure.UNSENT
    if isinstance(error, RequestTimeoutError):
        return Failure.LATE
    if isinstance(error, DecodeError) and not isinstance(error, BodyDecodeError):
        return Failure.GARBLED
    return Failure.CUT


def _prepare(builder: B, address: ServerAddress, read_timeout: float | None) -> B:
    """Allow what the protocol needs: no redirects, no compression, no proxy on this machine."""
    builder = (
        builder.follow_redirects(False)
        .referer(False)
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .connect_timeout(_CONNECT_TIMEOUT)
        .pool_idle_timeout(_IDLE_TIMEOUT)
        .default_headers(dict(address.fields))
    )
    if read_timeout is not None:
        builder = builder.read_timeout(timedelta(seconds=read_timeout))
    if address.is_loopback:
        builder = builder.no_proxy()
    if not address.tls_verify:
        builder = builder.danger_accept_invalid_certs(True)
    if address.tls_ca_bundle is not None:
        builder = _trust(builder, address)
    return builder


def _trust(builder: B, address: ServerAddress) -> B:
    for certificate in certificates(address):
        builder = builder.add_root_certificate_pem(certificate)
    return builder


class ReqwestTransport:
    """One client of the library, and another for each read timeout of streams."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._url = parse_url(address)
        self._clients: dict[float | None, SyncClient] = {None: sync_client(address)}
        self._requests = RequestCache(
            lambda send: self._request(send, None, ahead=_FIRST_BODY_BYTES)
        )

    @contextmanager
    def send(
        self,
        send: SendRequest,
        *,
        expects_small_body: bool = False,
        read_timeout: float | None = None,
    ) -> Generator["_Response"]:
        """Send a request, and leave its response behind."""
        try:
            if expects_small_body:
                request = request_like(self._requests.get(send), send.body)
            else:
                request = self._request(send, read_timeout)
            with request as response:
                yield _Response(response)
        except PyreqwestError as error:
            raise read_failure(error) from None

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def abandon_in_fork(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        _LEFT_BEHIND.append(self._clients)

    def _request(
        self, send: SendRequest, read_timeout: float | None, *, ahead: int = 0
    ) -> SyncStreamRequest:
        client = self._clients.get(read_timeout)
        if client is None:
            client = self._clients[read_timeout] = sync_client(self._address, read_timeout)
        return fill_request(
            client.request(send.method, self._url), send, ahead=ahead
        ).build_streamed()


class _Response:
    """A response of the library."""

    def __init__(self, response: SyncResponse) -> None:
        self._response = response
        self.status = response.status
        self.get_header = response.get_header

    def read(self) -> bytes | None:
        """Return what comes next of the body, `None` at its end."""
        try:
            chunk = self._response.body_reader.read_chunk()
        except PyreqwestError as error:
            raise read_failure(error) from None
        return None if chunk is None else chunk.to_bytes()


class AsyncReqwestTransport:
    """One client of the library, and another for each read timeout of streams."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._url = parse_url(address)
        self._clients: dict[float | None, Client] = {None: async_client(address)}
        self._requests = RequestCache(
            lambda send: self._request(send, None, ahead=_FIRST_BODY_BYTES)
        )

    @asynccontextmanager
    async def send(
        self,
        send: SendRequest,
        *,
        expects_small_body: bool = False,
        read_timeout: float | None = None,
    ) -> AsyncGenerator["_AsyncResponse"]:
        """Send a request, and leave its response behind."""
        try:
            if expects_small_body:
                request = request_like(self._requests.get(send), send.body)
            else:
                request = self._request(send, read_timeout)
            async with request as response:
                yield _AsyncResponse(response)
        except PyreqwestError as error:
            raise read_failure(error) from None

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    def abandon_in_fork(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        _LEFT_BEHIND.append(self._clients)

    def _request(
        self, send: SendRequest, read_timeout: float | None, *, ahead: int = 0
    ) -> StreamRequest:
        client = self._clients.get(read_timeout)
        if client is None:
            client = self._clients[read_timeout] = async_client(self._address, read_timeout)
        return fill_request(
            client.request(send.method, self._url), send, ahead=ahead
        ).build_streamed()


class _AsyncResponse:
    """A response of the library."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self.status = response.status
        self.get_header = response.get_header

    async def read(self) -> bytes | None:
        """Return what comes next of the body, `None` at its end."""
        try:
            chunk = await self._response.body_reader.read_chunk()
        except PyreqwestError as error:
            raise read_failure(error) from None
        return None if chunk is None else chunk.to_bytes()
