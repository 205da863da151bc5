"""Requests by the library, from one event loop."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pyreqwest.client import Client
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from scaffold.client._http.reqwest.adapter import (
    FIRST,
    LEFT_BEHIND,
    another,
    async_client,
    fill,
    parse,
    read_failure,
)
from scaffold.client._http.transport.io_requests import Send
from scaffold.client._http.transport.request_cache import Prepared
from scaffold.client._http.transport.server_address import Address

__all__ = ["AsyncRemoteTransport"]


class AsyncRemoteTransport:
    """One client of the library, and another for each patience that streams have."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._url = parse(address)
        self._clients: dict[float | None, Client] = {None: async_client(address)}
        self._templates = Prepared(lambda send: self._request(send, None, ahead=FIRST))

    @asynccontextmanager
    async def send(
        self, send: Send, *, whole: bool = False, patience: float | None = None
    ) -> AsyncGenerator["_Response"]:
        """Send a request, and leave its response behind."""
        try:
            if whole:
                request = another(self._templates.find(send), send.body)
            else:
                request = self._request(send, patience)
            async with request as response:
                yield _Response(response)
        except PyreqwestError as error:
            raise read_failure(error) from None

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    def leave_behind(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        LEFT_BEHIND.append(self._clients)

    def _request(self, send: Send, patience: float | None, *, ahead: int = 0) -> StreamRequest:
        client = self._clients.get(patience)
        if client is None:
            client = self._clients[patience] = async_client(self._address, patience)
        return fill(client.request(send.method, self._url), send, ahead=ahead).build_streamed()


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
