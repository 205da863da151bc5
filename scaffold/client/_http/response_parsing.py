"""Reading one response: a JSON object or a stream of events, up to the answer it holds.

Source: MCP 2026-07-28, Streamable HTTP: Receiving Messages; 2025-11-25: Sending Messages to the
Server, Resumability and Redelivery. WHATWG HTML, Server-sent events: Interpreting an event stream.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Raw

from scaffold._mcp.jsonrpc import (
    DECODE_ERRORS,
    JsonRpcError,
    Message,
    RequestId,
    read_message,
    read_server_message,
)
from scaffold._mcp.lenient_reading import describe_value
from scaffold.client._http.transport.io_requests import READ, RequestFailed, ResponseHead, Steps
from scaffold.contract._errors.errors import ProtocolError

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"
_MAX_DIGITS: Final = 9


class EventStream:
    """What has been read of one stream of events, or of one that takes up where it broke."""

    def __init__(self, last_id: str = "", retry: float | None = None) -> None:
        self.last_id = last_id
        """The id of the newest event that has one: where a broken stream may be taken up again."""
        self.retry = retry
        """Seconds to wait before that, if the server asked for a pause."""
        self.pending = 0
        """Bytes read since the last event was complete."""
        self.total = 0
        """Bytes read in all."""
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._id = last_id
        self._event = b""
        self._after_return = False
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of every message that the chunk completes."""
        self.pending += len(chunk)
        self.total += len(chunk)
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_return = chunk.endswith(b"\r")
        *ends, rest = _LINE_END.split(chunk)
        for end in ends:
            line = b"".join((*self._line, end))
            self._line.clear()
            if not self._started:
                line = line.removeprefix(_BOM)
                self._started = True
            if line:
                self._field(line)
            else:
                yield from self._dispatch()
        if rest:
            self._line.append(rest)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        elif name == b"retry" and value.isdigit() and len(value) <= _MAX_DIGITS:
            self.retry = int(value) / 1000

    def _dispatch(self) -> Iterator[bytes]:
        data, event = b"\n".join(self._data), self._event
        self._data.clear()
        self._event = b""
        self.pending = 0
        self.last_id = self._id
        if data and event in (b"", b"message"):
            yield data


JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
MAX_ANSWER_BYTES: Final = 64 * 2**20
"""Bytes of one answer that are read before it is refused."""

MAX_REFUSAL_BYTES: Final = 64 * 2**10
"""Bytes of a refusal that are read to explain it."""

_MAX_EXCERPT_CHARS: Final = 200
_MOST_DIGITS: Final = len(str(MAX_ANSWER_BYTES)) - 1
"""Of a length that is surely allowed."""


class _Refusal(msgspec.Struct):
    """An error response with any id or none: HTTP says which request it answers."""

    error: Raw


def status_text(status: int) -> str:
    """Return the code of a status, and its name if it has one."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def content_type(head: ResponseHead) -> str:
    """Return the media type of a response without its parameters, in lower case."""
    return (head.get_header("content-type") or "").partition(";")[0].strip().lower()


def plain_length(head: ResponseHead) -> int:
    """Return the length of a body that is JSON and nothing else; 0 for any other response."""
    length = head.get_header("content-length") or ""
    plain = (
        head.status == HTTPStatus.OK
        and head.get_header("content-type") == JSON
        and head.get_header("content-encoding") is None
        and length.isdecimal()
        and len(length) <= _MOST_DIGITS
    )
    return int(length) if plain else 0


def shown_location(location: str | None) -> str:
    """Return where a redirect leads, without what may be secret in a URL."""
    if location is None:
        return "nowhere"
    try:
        parts = urlsplit(location)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "a place that is not a URL"
    origin = f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else ""
    return f"'{origin}{parts.path}'"


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as one line of printable text."""
    text = " ".join(body[: 4 * _MAX_EXCERPT_CHARS].decode(errors="replace").split())
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= _MAX_EXCERPT_CHARS else text[:_MAX_EXCERPT_CHARS] + "…"


def read_body(head: ResponseHead) -> Steps[bytes]:
    """Read a body; raise `ProtocolError` if it is longer than allowed."""
    declared = head.get_header("content-length")
    expected = int(declared) if declared and declared.isdecimal() else -1
    if expected > MAX_ANSWER_BYTES:
        raise ProtocolError(f"an answer of {expected} bytes; {MAX_ANSWER_BYTES} are allowed")
    chunks: list[bytes] = []
    size = 0
    while size != expected:
        try:
            chunk = yield READ
        except RequestFailed as broken:
            raise _incomplete(broken, size) from None
        if chunk is None:
            break
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise ProtocolError(
                f"an answer of more than {MAX_ANSWER_BYTES} bytes, the most allowed"
            )
    return b"".join(chunks)


def read_beginning(longest: int = MAX_REFUSAL_BYTES) -> Steps[bytes]:
    """Read what explains a refusal: as much as comes, up to a limit."""
    body = b""
    while len(body) < longest:
        try:
            chunk = yield READ
        except RequestFailed:
            break
        if chunk is None:
            break
        body += chunk
    return body


def next_messages(events: EventStream) -> Steps[list[tuple[Message, bytes]] | None]:
    """Read on in a stream; return the messages that came, `None` at the end of the stream.

    With each message comes what it was read from.
    """
    try:
        chunk = yield READ
    except RequestFailed as broken:
        raise _incomplete(broken, events.total) from None
    if chunk is None:
        return None
    messages = [(_message(data), data) for data in events.feed(chunk)]
    if events.pending > MAX_ANSWER_BYTES:
        raise ProtocolError(f"an event of more than {MAX_ANSWER_BYTES} bytes, the most allowed")
    return messages


def parse_answer(body: bytes, id: RequestId) -> Message:
    """Return the answer to request `id` that a body holds."""
    return check_answer(_message(body), id)


def parse_result(body: bytes, id: RequestId) -> Message | None:
    """Return the answer to request `id` if a body holds one with a result; `None` otherwise."""
    try:
        message = read_message(body)
    except JsonRpcError:
        return None
    good = message.id == id and message.method is UNSET and message.result is not UNSET
    return message if good and not message.is_error else None


def check_answer(message: Message, id: RequestId) -> Message:
    """Hold a response to the request it must answer."""
    if message.method is not UNSET:
        raise ProtocolError(
            f"a request or notification came in place of the answer: {message.method}"
        )
    if message.id != id and not (message.id is UNSET and message.is_error):
        name = "no id" if message.id is UNSET else f"the id {describe_value(message.id)}"
        raise ProtocolError(f"request {id} was answered with {name}")
    return message


def parse_refusal(body: bytes) -> Message | None:
    """Return the JSON-RPC error that the body of a 4xx or 5xx holds, if it holds one."""
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except DECODE_ERRORS:
        return None
    message = Message(jsonrpc="2.0", error=error)
    return message if message.is_error and bytes(error).startswith(b"{") else None


def _message(data: bytes) -> Message:
    try:
        return read_server_message(data)
    except JsonRpcError as error:
        raise ProtocolError(f"{error}; what came: {excerpt(data) or 'nothing'}") from None


def _incomplete(broken: RequestFailed, size: int) -> RequestFailed:
    if not size:
        return broken
    return RequestFailed(broken.failure, f"{broken.cause}, {size} bytes into the answer")
