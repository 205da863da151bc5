"""Requests by the library, from threads."""

from collections.abc import Generator
from contextlib import contextmanager

from pyreqwest.client import SyncClient
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import SyncStreamRequest
from pyreqwest.response import SyncResponse

from scaffold.client._http.reqwest.adapter import (
    FIRST,
    LEFT_BEHIND,
    another,
    fill,
    parse,
    read_failure,
    sync_client,
)
from scaffold.client._http.transport.io_requests import Send
from scaffold.client._http.transport.request_cache import Prepared
from scaffold.client._http.transport.server_address import Address

__all__ = ["RemoteTransport"]


class RemoteTransport:
    """One client of the library, and another for each patience that streams have."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._url = parse(address)
        self._clients: dict[float | None, SyncClient] = {None: sync_client(address)}
        self._templates = Prepared(lambda send: self._request(send, None, ahead=FIRST))

    @contextmanager
    def send(
        self, send: Send, *, whole: bool = False, patience: float | None = None
    ) -> Generator["_Response"]:
        """Send a request, and leave its response behind."""
        try:
            if whole:
                request = another(self._templates.find(send), send.body)
            else:
                request = self._request(send, patience)
            with request as response:
                yield _Response(response)
        except PyreqwestError as error:
            raise read_failure(error) from None

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def leave_behind(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        LEFT_BEHIND.append(self._clients)

    def _request(self, send: Send, patience: float | None, *, ahead: int = 0) -> SyncStreamRequest:
        client = self._clients.get(patience)
        if client is None:
            client = self._clients[patience] = sync_client(self._address, patience)
        return fill(client.request(send.method, self._url), send, ahead=ahead).build_streamed()


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
