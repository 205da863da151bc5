"""One HTTP request and its response, over ASGI.

The response to a call is one JSON object, or a stream of events if there is progress.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

from scaffold._mcp.jsonrpc import RequestId
from scaffold.server._http.head_syntax import Header
from scaffold.server._http.http_errors import HttpError, status_of
from scaffold.server._protocol.call_runner import CallRunner
from scaffold.server._protocol.calls import Call, Headers

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_NO_CONTENT: Final = 204
_SHORT_BODY_BYTES: Final = 256 * 1024
"""Bytes of a message for which there is always room."""
_JSON: Final[tuple[Header, ...]] = ((b"content-type", b"application/json"),)
_EVENTS: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
_WATCH_DELAY: Final = 0.05
"""Seconds after which the server watches for a disconnect of the client."""


def read_headers(scope: Scope) -> Headers:
    """Return the headers by lower case name; those given twice are joined (RFC 9110 §5.3)."""
    # httptools keeps trailing whitespace, which is not part of the value (RFC 9110 §5.5).
    given = [
        (str(name, "latin-1"), str(value, "latin-1").rstrip(" \t"))
        for name, value in scope["headers"]
    ]
    headers = dict(given)
    if len(headers) < len(given):
        headers = {key: ", ".join(text for name, text in given if name == key) for key in headers}
    return headers


class BodyBudget:
    """Limits the total bytes of long bodies that were read and not yet responded to.

    Short bodies do not count: they are served while long ones use up the budget.
    """

    def __init__(self, size: int) -> None:
        self._free_bytes = size

    def reserve(self, size: int) -> None:
        """Reserve bytes; raise `HttpError` 503 if there are too few at the moment."""
        if size > self._free_bytes:
            raise HttpError(503, "the server has too many long messages at the moment; try again")
        self._free_bytes -= size

    def release(self, size: int) -> None:
        """Give reserved bytes back."""
        self._free_bytes += size


class HttpExchange:
    """Reads the request's body and writes the response."""

    def __init__(self, receive: Receive, send: Send, budget: BodyBudget) -> None:
        self._receive = receive
        self._send = send
        self._budget = budget
        self._reserved_bytes = 0
        """Bytes of the budget that this request has reserved."""
        self.id: RequestId | None = None
        """The id of the JSON-RPC request, once it is known."""
        self.cors_headers: tuple[Header, ...] = ()
        """The headers with which a page of another origin may read the response."""

    async def read_body(self, headers: Headers, max_message_bytes: int) -> bytes:
        """Read the body.

        Raises:
            HttpError: 413 if it is longer than `max_message_bytes`, 503 if the server has no room
                for it at the moment, 400 if the client disconnects before its end.
        """
        content_length = headers.get("content-length", "")
        if content_length.isdecimal() and int(content_length) > max_message_bytes:
            raise _too_long(max_message_bytes)
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            event = await self._receive()
            if event["type"] != "http.request":
                raise HttpError(400, "the client disconnected before the end of the body")
            part: bytes = event.get("body", b"")
            more = event.get("more_body", False)
            size += len(part)
            if size > max_message_bytes:
                raise _too_long(max_message_bytes)
            if size > _SHORT_BODY_BYTES:
                self._budget.reserve(size - self._reserved_bytes)
                self._reserved_bytes = size
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def release(self) -> None:
        """Give the reserved bytes back, at the end of the request."""
        self._budget.release(self._reserved_bytes)
        self._reserved_bytes = 0

    async def wait_for_disconnect(self) -> None:
        """Wait until the client has disconnected."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def respond(self, status: int, body: bytes, *, headers: tuple[Header, ...] = ()) -> None:
        """Write a whole response; a body, if there is one, is JSON."""
        length = ((b"content-length", str(len(body)).encode()),) if status != _NO_CONTENT else ()
        start = (*(_JSON if body else ()), *length, *headers, *self.cors_headers)
        await self._send({"type": "http.response.start", "status": status, "headers": start})
        await self._send({"type": "http.response.body", "body": body})

    async def respond_error(self, refusal: HttpError) -> None:
        """Write an error response."""
        await self.respond(refusal.status, refusal.body(self.id), headers=refusal.headers)

    async def open_stream(self) -> None:
        """Begin a response that is a stream of events."""
        start = (*_EVENTS, *self.cors_headers)
        await self._send({"type": "http.response.start", "status": 200, "headers": start})

    async def send_events(self, messages: Iterable[bytes], *, last: bool) -> None:
        """Write each message as an event."""
        body = b"".join([b"event: message\ndata: %b\n\n" % message for message in messages])
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})


def _too_long(max_message_bytes: int) -> HttpError:
    return HttpError(413, f"the message is longer than {max_message_bytes} bytes")


async def respond_to_call(
    call: Call, exchange: HttpExchange, runner: CallRunner, *, streams: bool, modern: bool
) -> None:
    """Run a call and write its response.

    A disconnect cancels the call of a modern client, and any stream. A legacy client cancels with
    `notifications/cancelled`; its connection may break while it still wants the call.

    Args:
        call: The call to run.
        exchange: The HTTP request to respond to.
        runner: Runs the call.
        streams: True if the client accepts a stream of events.
        modern: True if the client is modern.
    """
    task = asyncio.current_task()
    assert task is not None
    runner.running[call] = task
    is_watched = modern or call.flow is not None
    watcher = (
        runner.loop.call_later(_WATCH_DELAY, _cancel_on_disconnect, call, exchange, runner)
        if is_watched
        else None
    )
    try:
        if call.progress_token is not None and streams:
            await _stream_events(call, exchange, runner)
        else:
            response = await runner.run(call, _ignore)
            await exchange.respond(status_of(call.error) if modern else 200, response)
    except asyncio.CancelledError:
        if not call.cancelled:
            raise
        await exchange.respond(202, b"")
    finally:
        del runner.running[call]
        if watcher is not None:
            watcher.cancel()


class _Messages:
    """The messages of a call, from any thread to its task in the event loop.

    They wake the loop once for each batch. With a wake-up for each message, streams that fill their
    windows would keep the loop busy for seconds, and other requests would wait.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._messages: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._is_waking = False
        """True from the first message of a batch until the task takes the batch."""
        self._ended = False

    def put(self, message: bytes) -> None:
        """Add a message; any thread may call this."""
        self._messages.append(message)
        if not self._is_waking:
            self._is_waking = True
            self._loop.call_soon_threadsafe(self._arrived.set)

    def end(self) -> None:
        """End the messages; only the event loop may call this."""
        self._ended = True
        self._arrived.set()

    async def next_batch(self) -> list[bytes]:
        """Wait for messages and return all that are there; an empty list at the end."""
        messages = self._messages
        while not (messages or self._ended):
            await self._arrived.wait()
            self._arrived.clear()
            self._is_waking = False  # before the look at the messages: `put` adds, then looks here
        return [messages.popleft() for _ in range(len(messages))]


async def _stream_events(call: Call, exchange: HttpExchange, runner: CallRunner) -> None:
    """Write messages as events; if the response comes first, write it as one JSON object."""
    messages = _Messages(runner.loop)
    work = asyncio.ensure_future(runner.run(call, messages.put))
    work.add_done_callback(lambda _work: messages.end())
    try:
        batch = await messages.next_batch()
        if not batch:
            await exchange.respond(status_of(call.error), work.result())
            return
        await exchange.open_stream()
        while batch:
            await exchange.send_events(batch, last=False)
            if call.flow is not None:
                call.flow.acknowledge_more(sum(map(len, batch)))
            batch = await messages.next_batch()
        await exchange.send_events((work.result(),), last=True)
    finally:
        work.cancel()


def _cancel_on_disconnect(call: Call, exchange: HttpExchange, runner: CallRunner) -> None:
    task = runner.running.get(call)
    if task is None:
        return
    disconnect = asyncio.ensure_future(exchange.wait_for_disconnect())
    disconnect.add_done_callback(lambda ended: None if ended.cancelled() else runner.cancel(call))
    task.add_done_callback(lambda _task: disconnect.cancel())


def _ignore(_message: bytes) -> None:
    """Discard the progress of a call whose client did not ask for it."""
