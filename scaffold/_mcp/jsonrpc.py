"""JSON-RPC messages: one scan reads a message, and one concatenation writes it.

Payloads stay raw slices of the message. The code that has their schema decodes them.
Source: JSON-RPC 2.0; MCP 2026-07-28, Base Protocol.
"""

from codecs import BOM_UTF8
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType, field

from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.contract._json import Json

RequestId: TypeAlias = int | str


DECODE_ERRORS: Final = (ValueError, RecursionError)
"""The exceptions of decoders: for wrong syntax, UTF-8, numbers, depth and types.

The errors of msgspec and of pydantic are subclasses of `ValueError`.
"""

STREAM_KEY: Final = "hookspec.scaffold/stream"
"""The key of `_meta` that asks for a stream; its value is the window in bytes."""

METADATA_KEY: Final = "hookspec.scaffold/metadata"
"""The key of `_meta` for the metadata of a call."""


class RequestMeta(msgspec.Struct, gc=False):
    """The metadata that each request of the modern era has (`params._meta`)."""

    version: str = field(default="", name="io.modelcontextprotocol/protocolVersion")
    """The revision of the request; empty in the legacy era."""
    capabilities: Raw | UnsetType = field(
        default=UNSET, name="io.modelcontextprotocol/clientCapabilities"
    )
    progress_token: RequestId | None = field(default=None, name="progressToken")
    """Set if the client wants `notifications/progress` with this token."""
    structured: bool = field(default=False, name="hookspec.scaffold/structured")
    """True if the client reads structured content and does not need a copy as text."""
    window: int = field(default=0, name=STREAM_KEY)
    """tools/call: the window in bytes if the client reads streams, otherwise 0."""
    metadata: dict[str, Json] | None = field(default=None, name=METADATA_KEY)
    """tools/call: the metadata of the call."""
    traceparent: Any = None
    """tools/call: the trace, for peers that do not read our metadata (2026-07-28, SEP-414)."""
    tracestate: Any = None
    baggage: Any = None


class Params(msgspec.Struct, rename="camel", gc=False):
    """The parameters of all methods that a peer with tools sends or receives."""

    name: str = ""
    """tools/call: the tool."""
    arguments: Raw | UnsetType = UNSET
    """tools/call: the payload as raw JSON."""
    cursor: Any = None
    """tools/list: the page. Our server has one page and sends no cursor."""
    meta: RequestMeta | UnsetType = field(default=UNSET, name="_meta")
    protocol_version: str = ""
    """initialize: the protocol revision that the client asks for."""
    request_id: RequestId | None = None
    """notifications/cancelled: the request to cancel. Acknowledgements: the stream's request."""
    taken: int = 0
    """Acknowledgements: the bytes of the stream that the client has read in all."""
    progress_token: RequestId | None = None
    """notifications/progress: the token of the call."""


class Message(msgspec.Struct, gc=False):
    """Any JSON-RPC message: a request, a notification, a result or an error."""

    jsonrpc: str = ""
    id: RequestId | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    params: Params | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET

    @property
    def is_error(self) -> bool:
        """True if the response has an error. A result next to it does not count.

        An error that is `null` counts as absent. Source: JSON-RPC 2.0 §5.
        """
        return self.error is not UNSET and not is_null(self.error)


class JsonRpcError(Exception):
    """A message that cannot be served. The server turns it into a JSON-RPC error response."""

    def __init__(
        self, code: int, message: str, data: Json = None, id: RequestId | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.id = id


class _Envelope(msgspec.Struct, gc=False):
    jsonrpc: Any = None
    id: Any = UNSET
    method: Any = None


_decode = msgspec.json.Decoder(Message).decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
encode = msgspec.json.Encoder().encode


def is_null(value: Raw) -> bool:
    """Return whether a JSON value is `null`, which some serializers write for absent members."""
    return bytes(value).strip() == b"null"


def read_message(data: bytes) -> Message:
    """Read one message; raise `JsonRpcError` with the id, if the message has one.

    An optional member that is `null` counts as absent. A notification with invalid parameters is
    accepted, because it has no response that could report them.
    """
    try:
        if not data.isascii():
            str(data, "utf-8")  # the decoder does not check what it skips (RFC 8259)
        message = _decode(data)
    except DECODE_ERRORS as error:
        message = _explain_unreadable(data, error)
    if message.jsonrpc != "2.0" or message.id is None:
        raise JsonRpcError(ErrorCode.INVALID_REQUEST, "not a JSON-RPC 2.0 message with an id")
    return message


def read_server_message(data: bytes) -> Message:
    """Read one message of a server like `read_message`, and skip a byte order mark before it.

    Consoles of .NET and Windows write such a mark before the first line. Source: RFC 8259 §8.1.
    """
    return read_message(data.removeprefix(BOM_UTF8))


def _explain_unreadable(data: bytes, error: Exception) -> Message:
    """Read a message again that failed to decode: without nulls, or to raise the exact error."""
    if not isinstance(error, msgspec.ValidationError):
        raise JsonRpcError(ErrorCode.PARSE_ERROR, f"not JSON: {error}") from None
    if b"null" in data and (message := _read_without_nulls(data)) is not None:
        return message
    try:
        envelope = _decode_envelope(data)
    except DECODE_ERRORS as again:
        reason = f"a message is one JSON object ({again})"
        raise JsonRpcError(ErrorCode.INVALID_REQUEST, reason) from None
    well_formed = envelope.jsonrpc == "2.0" and isinstance(envelope.method, str)
    if well_formed and envelope.id is UNSET:
        return Message(jsonrpc="2.0", method=envelope.method)
    known = isinstance(envelope.id, int | str) and not isinstance(envelope.id, bool)
    code = ErrorCode.INVALID_PARAMS if well_formed and known else ErrorCode.INVALID_REQUEST
    raise JsonRpcError(code, str(error), id=envelope.id if known else None) from None


def _read_without_nulls(data: bytes) -> Message | None:
    """Read a message without members that are `null`, except the id; return `None` on failure."""
    try:
        members = _members_without_nulls(data, keep="id")
        if "params" in members:
            params = _members_without_nulls(members["params"])
            if "_meta" in params:
                params["_meta"] = Raw(encode(_members_without_nulls(params["_meta"])))
            members["params"] = Raw(encode(params))
        message = _decode(encode(members))
    except DECODE_ERRORS:
        return None
    says_nothing = message.method is message.result is message.error is UNSET
    return None if says_nothing else message


def _members_without_nulls(data: bytes | Raw, keep: str = "") -> dict[str, Raw]:
    members = _decode_members(data)
    return {name: value for name, value in members.items() if name == keep or not is_null(value)}


def write_request(id: RequestId, method: str, params: bytes) -> bytes:
    """Write a request; `params` is JSON."""
    return b'{"jsonrpc":"2.0","id":%b,"method":"%b","params":%b}' % (
        encode(id),
        method.encode(),
        params,
    )


def write_notification(method: str, params: bytes) -> bytes:
    """Write a notification; `params` is JSON."""
    return b'{"jsonrpc":"2.0","method":"%b","params":%b}' % (method.encode(), params)


def write_response(id: RequestId, result: bytes) -> bytes:
    """Write the response to a request; `result` is JSON."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (encode(id), result)


def write_error_response(error: JsonRpcError, id: RequestId | None = None) -> bytes:
    """Write an error response. It has no id if the request's id is unknown (MCP, Base Protocol)."""
    content: dict[str, Json] = {"code": int(error.code), "message": error.message}
    if error.data is not None:
        content["data"] = error.data
    answered = error.id if id is None else id
    known = b"" if answered is None else b'"id":%b,' % encode(answered)
    return b'{"jsonrpc":"2.0",%b"error":%b}' % (known, encode(content))
