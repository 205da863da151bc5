"""Requests to a server on this machine, from threads."""

import socket
import time
from http import HTTPStatus
from select import select
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import TYPE_CHECKING, Self
from weakref import ref

from scaffold.client._http.http11.request_writer import Writer
from scaffold.client._http.http11.response_parser import Reader
from scaffold.client._http.transport.failures import (
    CONNECT,
    IDLE,
    PIECE,
    check_way,
    closed,
    cut,
    late,
    unsent,
)
from scaffold.client._http.transport.io_requests import Send
from scaffold.client._http.transport.server_address import Address

if TYPE_CHECKING:
    import ssl

__all__ = ["LocalTransport"]


class LocalTransport:
    """Keeps connections to one address, for any number of threads."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._place = address.host, address.port
        self._context: ssl.SSLContext | None = None
        if address.pinned:
            from scaffold.client._http.transport.tls import tls_context

            self._context = tls_context(address)
        self.writer = Writer(address)
        self.closed = False
        self._idle: list[_Connection] = []
        """Those at rest, the last one used at the end. Lists and sets are safe among threads."""
        self._all: set[ref[_Connection]] = set()
        """Those that there are; one that an interruption has lost is closed as it is collected."""

    def send(
        self, send: Send, *, whole: bool = False, patience: float | None = None
    ) -> "_Exchange":
        """Return what sends a request when it is entered."""
        del whole  # what has come is handed over, be it all or not
        return _Exchange(self, send, patience)

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
        """Keep a connection for another request; let go of one that nobody has needed for long."""
        connection.rested = time.monotonic()
        self._idle.append(connection)
        self._drop_oldest(before=connection.rested if self.closed else connection.rested - IDLE)

    def drop(self, connection: "_Connection") -> None:
        """Close a connection."""
        connection.socket.close()

    def close(self) -> None:
        """Close all connections; whoever waits at one is told."""
        self.closed = True
        while self._idle:
            self._drop_oldest(before=time.monotonic())
        for connection in self._living():
            connection.shut()

    def leave_behind(self) -> None:
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
            raise closed()
        connection = _Connection(self._open(min(CONNECT, seconds)), secure=self._address.secure)
        self._all.add(ref(connection, self._all.discard))
        if self.closed:  # meanwhile
            self.drop(connection)
            raise closed()
        return connection

    def _open(self, seconds: float) -> socket.socket:
        address = self._address
        if not address.local:
            check_way(address)
        try:
            opened = socket.create_connection(self._place, seconds)
        except OSError as error:
            raise unsent(error) from None
        if not address.secure:
            return opened
        from scaffold.client._http.transport.tls import secured, tls_context

        context = self._context = self._context or tls_context(address)
        return secured(opened, address, context)


class _Connection:
    """One socket, and what reads the responses that come over it."""

    def __init__(self, opened: socket.socket, *, secure: bool) -> None:
        self.socket = opened
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setblocking(False)
        self.secure = secure
        self.reader = Reader()
        self.rested = time.monotonic()

    def usable(self) -> bool:
        """True if the server has neither hung up since the last response nor said more."""
        if time.monotonic() - self.rested > IDLE:
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
        """Wake whoever waits for an answer."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already


class _Exchange:
    """A request, and the response to it while it is being read."""

    def __init__(self, transport: LocalTransport, send: Send, patience: float | None) -> None:
        self._transport = transport
        self._send = send
        self._patience = patience

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
            self._reader.keeps = False  # it may have answered before: what it said tells more

    def _write_rest(self, opened: socket.socket, rest: memoryview) -> None:
        """Send what is not taken at once, and no more after a refusal (RFC 9112 §9.5)."""
        with DefaultSelector() as selector:
            selector.register(opened, EVENT_READ | EVENT_WRITE)
            while rest:
                ready = selector.select(self._left)
                if not ready:
                    raise late()
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
        return left if self._patience is None else min(left, self._patience)

    def _receive(self) -> None:
        """Wait for something to come, and read it."""
        left = self._left
        if left <= 0:
            raise late()
        try:
            self._connection.socket.settimeout(left)
            data = self._connection.socket.recv(PIECE)
        except TimeoutError:
            raise late() from None
        except OSError as error:
            raise (closed() if self._transport.closed else cut(error)) from None
        if data:
            self._reader.feed(data)
        elif self._transport.closed:
            raise closed()
        else:
            self._reader.end()
