"""Requests to a server on this machine, from threads."""

import socket
import time
from http import HTTPStatus
from select import select
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import TYPE_CHECKING, Self
from weakref import ref

from scaffold.client._http.http11.messages import RequestWriter, ResponseParser
from scaffold.client._http.transport.io_requests import (
    CONNECT_TIMEOUT,
    IDLE_TIMEOUT,
    MAX_READ_BYTES,
    SendRequest,
    channel_closed,
    check_no_proxy,
    connection_broken,
    not_sent,
    timed_out,
)
from scaffold.client._http.transport.server_address import ServerAddress

if TYPE_CHECKING:
    import ssl


class Http11Transport:
    """Keeps connections to one address, for any number of threads."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._place = address.host, address.port
        self._context: ssl.SSLContext | None = None
        if address.has_pinned_certificate:
            from scaffold.client._http.transport.tls import tls_context

            self._context = tls_context(address)
        self.writer = RequestWriter(address)
        self.closed = False
        self._idle: list[_Connection] = []
        """Those at rest, the last one used at the end. Lists and sets are safe among threads."""
        self._all: set[ref[_Connection]] = set()
        """Those that there are; one that an interruption has lost is closed as it is collected."""

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

    def take(self, seconds: float) -> "_Connection":
        """Return a connection for one request; raise `Broken` if there can be none."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if connection.usable():
                return connection
            self.drop(connection)
        return self._connect(seconds)

    def give(self, connection: "_Connection") -> None:
        """Keep a connection for another request; close the one that was idle for too long."""
        connection.rested = time.monotonic()
        self._idle.append(connection)
        self._drop_oldest(
            before=connection.rested if self.closed else connection.rested - IDLE_TIMEOUT
        )

    def drop(self, connection: "_Connection") -> None:
        """Close a connection."""
        connection.socket.close()

    def close(self) -> None:
        """Close all connections. Waiting calls raise `RequestFailed`."""
        self.closed = True
        while self._idle:
            self._drop_oldest(before=time.monotonic())
        for connection in self._living():
            connection.shut()

    def abandon_in_fork(self) -> None:
        """Leave all connections to the process from which this one was forked."""
        for connection in self._living():
            connection.socket.close()  # our copy of it: the connection stays as it is

    def _living(self) -> "list[_Connection]":
        found = (one() for one in list(self._all))
        return [connection for connection in found if connection is not None]

    def _drop_oldest(self, *, before: float) -> None:
        try:
            if self._idle[0].rested <= before:
                self.drop(self._idle.pop(0))
        except IndexError:
            return  # another thread has taken it

    def _connect(self, seconds: float) -> "_Connection":
        if self.closed:
            raise channel_closed()
        connection = _Connection(
            self._open(min(CONNECT_TIMEOUT, seconds)), secure=self._address.uses_tls
        )
        self._all.add(ref(connection, self._all.discard))
        if self.closed:  # meanwhile
            self.drop(connection)
            raise channel_closed()
        return connection

    def _open(self, seconds: float) -> socket.socket:
        address = self._address
        if not address.is_plain_loopback:
            check_no_proxy(address)
        try:
            opened = socket.create_connection(self._place, seconds)
        except OSError as error:
            raise not_sent(error) from None
        if not address.uses_tls:
            return opened
        from scaffold.client._http.transport.tls import tls_context, wrap_socket

        context = self._context = self._context or tls_context(address)
        return wrap_socket(opened, address, context)


class _Connection:
    """One socket, and what reads the responses that come over it."""

    def __init__(self, opened: socket.socket, *, secure: bool) -> None:
        self.socket = opened
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setblocking(False)
        self.secure = secure
        self.reader = ResponseParser()
        self.rested = time.monotonic()

    def usable(self) -> bool:
        """Return whether the server has neither closed the connection nor sent more."""
        if time.monotonic() - self.rested > IDLE_TIMEOUT:
            return False
        if self.secure:
            return not select([self.socket], [], [], 0)[0]
        try:
            self.socket.setblocking(False)
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def __del__(self) -> None:
        self.socket.close()

    def shut(self) -> None:
        """Wake the thread that waits for a response."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already


class _RequestContext:
    """A request, and the response to it while it is being read."""

    def __init__(
        self, transport: Http11Transport, send: SendRequest, read_timeout: float | None
    ) -> None:
        self._transport = transport
        self._send = send
        self._read_timeout = read_timeout

    def __enter__(self) -> Self:
        transport, send = self._transport, self._send
        self._end = time.monotonic() + send.timeout
        self._connection = connection = transport.take(send.timeout)
        self._reader = reader = connection.reader
        reader.begin()
        try:
            self._write(transport.writer.write(send))
            while not reader.status:
                self._receive()
        except BaseException:
            transport.drop(connection)
            raise
        self.status = reader.status
        self.get_header = reader.get_header
        return self

    def __exit__(self, *_raised: object) -> None:
        if self._reader.done and self._reader.keeps:
            self._transport.give(self._connection)
        else:
            self._transport.drop(self._connection)

    def read(self) -> bytes | None:
        """Return what comes next of the body, `None` at its end."""
        reader = self._reader
        while True:
            if data := reader.take():
                return data
            if reader.done:
                return None
            self._receive()

    def _write(self, data: bytes) -> None:
        opened = self._connection.socket
        try:
            if self._connection.secure:
                opened.settimeout(self._left)
                opened.sendall(data)
                return
            sent = opened.send(data)
            if sent < len(data):
                self._write_rest(opened, memoryview(data)[sent:])
        except OSError:
            self._reader.keeps = (
                False  # the server may have responded before, and its response explains more
            )

    def _write_rest(self, opened: socket.socket, rest: memoryview) -> None:
        """Send what is not taken at once, and no more after a refusal (RFC 9112 §9.5)."""
        with DefaultSelector() as selector:
            selector.register(opened, EVENT_READ | EVENT_WRITE)
            while rest:
                ready = selector.select(self._left)
                if not ready:
                    raise timed_out()
                if ready[0][1] & EVENT_READ:
                    self._receive()
                    if self._reader.done or self._reader.status >= HTTPStatus.BAD_REQUEST:
                        self._reader.keeps = False
                        return
                    opened.setblocking(False)
                else:
                    rest = rest[opened.send(rest) :]

    @property
    def _left(self) -> float:
        """Seconds until something must have come."""
        left = self._end - time.monotonic()
        return left if self._read_timeout is None else min(left, self._read_timeout)

    def _receive(self) -> None:
        """Wait for something to come, and read it."""
        left = self._left
        if left <= 0:
            raise timed_out()
        try:
            self._connection.socket.settimeout(left)
            data = self._connection.socket.recv(MAX_READ_BYTES)
        except TimeoutError:
            raise timed_out() from None
        except OSError as error:
            raise (
                channel_closed() if self._transport.closed else connection_broken(error)
            ) from None
        if data:
            self._reader.feed(data)
        elif self._transport.closed:
            raise channel_closed()
        else:
            self._reader.end()
