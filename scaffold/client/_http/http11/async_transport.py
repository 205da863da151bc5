"""Requests to a server on this machine, from one event loop."""

import asyncio
import os
import socket
import ssl
from typing import Final, Self, cast

from typing_extensions import override

from scaffold.client._http.http11.messages import RequestWriter, ResponseParser
from scaffold.client._http.http11.shared_timer import SharedTimer
from scaffold.client._http.transport.io_requests import (
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    RequestFailed,
    SendRequest,
    channel_closed,
    check_no_proxy,
    connection_broken,
    not_sent,
    timed_out,
)
from scaffold.client._http.transport.server_address import ServerAddress
from scaffold.client._http.transport.tls import handshake_failed, tls_context

_LEFT_BEHIND: Final[list[object]] = []
"""Connections of the process from which this one was forked."""

_MOST_PENDING: Final = 2**18
"""Bytes of a body that may wait for their reader before no more is read."""


class AsyncHttp11Transport:
    """Keeps connections to one address, for the tasks of one event loop."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._place = address.host, address.port
        self._context = tls_context(address) if address.has_pinned_certificate else None
        self.writer = RequestWriter(address)
        self.timer = SharedTimer()
        self.closed = False
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()

    def send(
        self,
        send: SendRequest,
        *,
        expects_small_body: bool = False,
        read_timeout: float | None = None,
    ) -> "_RequestContext":
        """Return what sends a request when it is entered."""
        del expects_small_body  # all that has arrived is handed over in any case
        return _RequestContext(self, send, read_timeout)

    async def take(self, seconds: float) -> "Connection":
        """Return a connection for one request; raise `RequestFailed` if there can be none."""
        loop = asyncio.get_running_loop()
        while self._idle:
            connection = self._idle.pop()
            if loop.time() - connection.rested < IDLE_TIMEOUT:
                return connection
            connection.drop()
        return await self._connect(loop, seconds)

    def give(self, connection: "Connection") -> None:
        """Keep a connection for another request; close the one that was idle for too long."""
        self._idle.append(connection)
        if connection.rested - self._idle[0].rested > IDLE_TIMEOUT:
            self._idle.pop(0).drop()

    def retire(self, connection: "Connection") -> None:
        """Remove a connection from the idle ones."""
        if connection in self._idle:
            self._idle.remove(connection)

    def lost(self, connection: "Connection") -> None:
        """Forget a connection that was closed."""
        self._all.discard(connection)

    async def close(self) -> None:
        """Close all connections. Waiting calls raise `RequestFailed`."""
        self.closed = True
        for connection in list(self._all):
            connection.fail(channel_closed())
            connection.drop()
        await asyncio.sleep(0)  # in its next turn the loop closes their sockets

    def abandon_in_fork(self) -> None:
        """Leave all connections to the process from which this one was forked.

        Their transports are of a loop whose selector is the parent's as well: they are not touched,
        and kept. Our copies of the sockets are closed by what takes their numbers.
        """
        _LEFT_BEHIND.append(self._all)
        nothing = os.open(os.devnull, os.O_RDWR)
        for connection in self._all:
            if (number := connection.number) >= 0:
                os.dup2(nothing, number, inheritable=False)
        os.close(nothing)

    async def _connect(self, loop: asyncio.AbstractEventLoop, seconds: float) -> "Connection":
        if self.closed:
            raise channel_closed()
        address = self._address
        if not address.is_plain_loopback:
            check_no_proxy(address)
        if address.uses_tls and self._context is None:
            self._context = tls_context(address)
        connection = Connection(self, loop)
        try:
            async with asyncio.timeout(min(CONNECT_TIMEOUT, seconds)):
                await loop.create_connection(lambda: connection, *self._place, ssl=self._context)
        except ssl.SSLError as error:
            raise handshake_failed(address, error) from None
        except OSError as error:
            raise not_sent(error) from None
        self._all.add(connection)
        if self.closed:  # meanwhile
            connection.drop()
            raise channel_closed()
        return connection


class Connection(asyncio.Protocol):
    """One connection, and what reads the responses that come over it."""

    _transport: asyncio.Transport

    def __init__(self, owner: AsyncHttp11Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._owner = owner
        self._loop = loop
        self.reader = ResponseParser()
        self.rested = 0.0
        """When it was used last, by the clock of the loop."""
        self.due = 0.0
        """When more must have come."""
        self._end = 0.0
        self._read_timeout: float | None = None
        self._asked = False
        self._paused = False
        self._failure: RequestFailed | None = None
        self._waiter: asyncio.Future[None] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The transports of uvloop have the methods of this class, and do not derive from it.
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        if not self._asked:
            self.drop()
            return
        try:
            self.reader.feed(data)
        except RequestFailed as broken:
            self.fail(broken)
        if self.reader.pending > _MOST_PENDING and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    @override
    def eof_received(self) -> None:
        if not self._asked:
            self.drop()
            return
        try:
            self.reader.end()
        except RequestFailed as broken:
            self.fail(broken)
        self._wake()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, OSError):
            self.fail(connection_broken(exc))
        self.eof_received()
        self._owner.lost(self)

    @property
    def number(self) -> int:
        """The descriptor of its socket."""
        opened: socket.socket = self._transport.get_extra_info("socket")
        return opened.fileno()

    def ask(self, request: bytes, seconds: float, read_timeout: float | None) -> None:
        """Send a request; what comes of it is waited for by `more`."""
        self._asked = True
        self._read_timeout = read_timeout
        self._end = self.due = self._loop.time() + seconds
        self.reader.begin()
        self._owner.timer.add(self, self._loop)
        self._transport.write(request)

    async def more(self) -> None:
        """Wait until more of the response has come; raise `RequestFailed` if nothing will."""
        if self._failure is not None:
            raise self._failure
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        if self._read_timeout is not None:
            self.due = min(self._end, self._loop.time() + self._read_timeout)
            self._owner.timer.add(self, self._loop)
        self._waiter = self._loop.create_future()
        await self._waiter
        if self._failure is not None:
            raise self._failure

    def fail(self, failure: RequestFailed) -> None:
        """Fail the request, unless it has failed already."""
        self._failure = self._failure or failure
        self._wake()

    def on_timeout(self) -> None:
        """Fail the request, because its deadline has passed."""
        self.fail(timed_out())

    def leave(self) -> None:
        """End the request: another may follow if its response has come whole."""
        self._asked = False
        self._owner.timer.remove(self)
        whole = self._failure is None and self.reader.done
        if whole and self.reader.keeps and not self._transport.get_write_buffer_size():
            self.rested = self._loop.time()
            self._owner.give(self)
        else:
            self.drop()

    def drop(self) -> None:
        """Close the connection at once."""
        self._owner.retire(self)
        self._transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _RequestContext:
    """A request, and the response to it while it is being read."""

    def __init__(
        self, transport: AsyncHttp11Transport, send: SendRequest, read_timeout: float | None
    ) -> None:
        self._transport = transport
        self._send = send
        self._read_timeout = read_timeout

    async def __aenter__(self) -> Self:
        transport, send = self._transport, self._send
        self._connection = connection = await transport.take(send.timeout)
        self._reader = reader = connection.reader
        connection.ask(transport.writer.write(send), send.timeout, self._read_timeout)
        try:
            while not reader.status:
                await connection.more()
        except BaseException:
            connection.leave()
            raise
        self.status = reader.status
        self.get_header = reader.get_header
        return self

    async def __aexit__(self, *_raised: object) -> None:
        self._connection.leave()

    async def read(self) -> bytes | None:
        """Return what comes next of the body, `None` at its end."""
        reader = self._reader
        while True:
            if data := reader.take():
                return data
            if reader.done:
                return None
            await self._connection.more()
