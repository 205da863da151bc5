"""Requests by the library, from one event loop."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pyreqwest.client import Client
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from scaffold.client._http.reqwest.adapter import (
    FIRST_BODY_BYTES,
    LEFT_BEHIND,
    async_client,
    fill_request,
    parse_url,
    read_failure,
    request_like,
)
from scaffold.client._http.transport.io_requests import SendRequest
from scaffold.client._http.transport.request_cache import RequestCache
from scaffold.client._http.transport.server_address import ServerAddress


class AsyncReqwestTransport:
    """One client of the library, and another for each read timeout of streams."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._url = parse_url(address)
        self._clients: dict[float | None, Client] = {None: async_client(address)}
        self._requests = RequestCache(
            lambda send: self._request(send, None, ahead=FIRST_BODY_BYTES)
        )

    @asynccontextmanager
    async def send(
        self,
        send: SendRequest,
        *,
        expects_small_body: bool = False,
        read_timeout: float | None = None,
    ) -> AsyncGenerator["_Response"]:
        """Send a request, and leave its response behind."""
        try:
            if expects_small_body:
                request = request_like(self._requests.get(send), send.body)
            else:
                request = self._request(send, read_timeout)
            async with request as response:
                yield _Response(response)
        except PyreqwestError as error:
            raise read_failure(error) from None

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    def abandon_in_fork(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        LEFT_BEHIND.append(self._clients)

    def _request(
        self, send: SendRequest, read_timeout: float | None, *, ahead: int = 0
    ) -> StreamRequest:
        client = self._clients.get(read_timeout)
        if client is None:
            client = self._clients[read_timeout] = async_client(self._address, read_timeout)
        return fill_request(
            client.request(send.method, self._url), send, ahead=ahead
        ).build_streamed()


class _Response:
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
