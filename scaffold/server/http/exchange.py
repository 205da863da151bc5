"""One HTTP request and its response, over ASGI."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

from scaffold.server.http.refusal import Refusal
from scaffold.server.request import Headers
from scaffold.wire.messages import RequestId

__all__ = ["Exchange", "Receive", "Scope", "Send", "read_headers"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]

_JSON: Final[tuple[Header, ...]] = ((b"content-type", b"application/json"),)
_EVENTS: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)


def read_headers(scope: Scope) -> Headers:
    """Return the headers by lower case name; those given twice are joined (RFC 9110 §5.3)."""
    # httptools keeps the whitespace behind a value, which is no part of it (RFC 9110 §5.5).
    given = [
        (str(name, "latin-1"), str(value, "latin-1").rstrip(" \t"))
        for name, value in scope["headers"]
    ]
    headers = dict(given)
    if len(headers) < len(given):
        headers = {key: ", ".join(text for name, text in given if name == key) for key in headers}
    return headers


class Exchange:
    """Reads the request's body and writes the response."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.id: RequestId | None = None
        """The id of the JSON-RPC request, once it is known."""

    async def body(self, headers: Headers, largest: int) -> bytes:
        """Read the body; raise `Refusal` if it is too long, or never comes."""
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > largest:
            raise _too_long(largest)
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            event = await self._receive()
            if event["type"] != "http.request":
                raise Refusal(400, "the client left before the body had come")
            part: bytes = event.get("body", b"")
            more = event.get("more_body", False)
            size += len(part)
            if size > largest:
                raise _too_long(largest)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def gone(self) -> None:
        """Wait until the client has hung up."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, status: int, body: bytes, *, headers: tuple[Header, ...] = ()) -> None:
        """Write a whole response; a body is JSON."""
        length = (b"content-length", str(len(body)).encode())
        start = (*(_JSON if body else ()), length, *headers)
        await self._send({"type": "http.response.start", "status": status, "headers": start})
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, refusal: Refusal) -> None:
        """Write an error response; a body that was not read ends the connection."""
        allow = ((b"allow", refusal.allow.encode()),) if refusal.allow else ()
        close = ((b"connection", b"close"),) if refusal.status in (408, 413) else ()
        await self.answer(refusal.status, refusal.body(self.id), headers=(*allow, *close))

    async def open_stream(self) -> None:
        """Begin a response of events."""
        await self._send({"type": "http.response.start", "status": 200, "headers": _EVENTS})

    async def events(self, messages: Iterable[bytes], *, last: bool) -> None:
        """Write messages, an event each."""
        body = b"".join([b"event: message\ndata: %b\n\n" % message for message in messages])
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})


def _too_long(largest: int) -> Refusal:
    return Refusal(413, f"a message may have {largest} bytes, and this one has more")
