"""JSON-RPC messages: one scan to read, one concatenation to write.

Payloads stay raw slices of the message; whoever owns their schema reads them.
Source: JSON-RPC 2.0; MCP 2026-07-28, Base Protocol.
"""

from codecs import BOM_UTF8
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType, field

from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.contract._json.types import Json

__all__ = [
    "DECODE_ERRORS",
    "METADATA_KEY",
    "STREAM_KEY",
    "JsonRpcError",
    "Message",
    "Params",
    "RequestId",
    "RequestMeta",
    "encode",
    "is_null",
    "read_message",
    "read_server_message",
    "write_error_response",
    "write_notification",
    "write_request",
    "write_response",
]

RequestId: TypeAlias = int | str


DECODE_ERRORS: Final = (ValueError, RecursionError)
"""What a decoder raises for bytes that it cannot read: syntax, UTF-8, numbers, depth, types.

The errors of msgspec and of pydantic are `ValueError`s.
"""

STREAM_KEY: Final = "hookspec.scaffold/stream"
"""The key of `_meta` that asks for a stream, and says how far it may run ahead."""

METADATA_KEY: Final = "hookspec.scaffold/metadata"
"""The key of `_meta` under which the metadata of a call travels."""


class RequestMeta(msgspec.Struct, gc=False):
    """The request metadata that the modern era puts into every request (`params._meta`)."""

    version: str = field(default="", name="io.modelcontextprotocol/protocolVersion")
    """The revision of the request; empty in the legacy era."""
    capabilities: Raw | UnsetType = field(
        default=UNSET, name="io.modelcontextprotocol/clientCapabilities"
    )
    progress_token: RequestId | None = field(default=None, name="progressToken")
    """Set if the client wants `notifications/progress` under this token."""
    structured: bool = field(default=False, name="hookspec.scaffold/structured")
    """True if the client reads structured content, and needs no copy of it as text."""
    window: int = field(default=0, name=STREAM_KEY)
    """tools/call: set if the client reads streams, to how many bytes of one may be under way."""
    metadata: dict[str, Json] | None = field(default=None, name=METADATA_KEY)
    """tools/call: what is known of the call beside its payload."""
    traceparent: Any = None
    """tools/call: the trace, for a peer who does not read our metadata (2026-07-28, SEP-414)."""
    tracestate: Any = None
    baggage: Any = None


class Params(msgspec.Struct, rename="camel", gc=False):
    """The parameters of every method that a tools-only peer sends or gets."""

    name: str = ""
    """tools/call: the tool."""
    arguments: Raw | UnsetType = UNSET
    """tools/call: the payload, untouched."""
    cursor: Any = None
    """tools/list: the page; a server without pages has given none away."""
    meta: RequestMeta | UnsetType = field(default=UNSET, name="_meta")
    protocol_version: str = ""
    """initialize: the revision that the client would like."""
    request_id: RequestId | None = None
    """notifications/cancelled: the request to give up; and whose stream is meant."""
    taken: int = 0
    """The bytes of a stream that its client has taken in all."""
    progress_token: RequestId | None = None
    """notifications/progress: whose progress it is."""


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
        """True if it reports an error, whatever result it has: the two exclude each other.

        An error that is `null` is absent. Source: JSON-RPC 2.0 §5.
        """
        return self.error is not UNSET and not is_null(self.error)


class JsonRpcError(Exception):
    """A message that cannot be served; becomes a JSON-RPC error response."""

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
    """Tell whether a JSON value is `null`, which serializers write for a member that is absent."""
    return bytes(value).strip() == b"null"


def read_message(data: bytes) -> Message:
    """Read one message; raise `JsonRpcError` with the id, if there is one to answer to.

    An optional member that is `null` is absent. A notification is read whatever its parameters
    are, because it has no answer that could say what is wrong with them.
    """
    try:
        if not data.isascii():
            str(data, "utf-8")  # what is skipped is not looked at, and must be text too (RFC 8259)
        message = _decode(data)
    except DECODE_ERRORS as error:
        message = _explain_unreadable(data, error)
    if message.jsonrpc != "2.0" or message.id is None:
        raise JsonRpcError(ErrorCode.INVALID_REQUEST, "not a JSON-RPC 2.0 message with an id")
    return message


def read_server_message(data: bytes) -> Message:
    """Read one message of a server, as `read_message` does; a byte order mark before it is skipped.

    Consoles of .NET and Windows write one before the first line. Source: RFC 8259 §8.1.
    """
    return read_message(data.removeprefix(BOM_UTF8))


def _explain_unreadable(data: bytes, error: Exception) -> Message:
    """Tell what an unreadable message was: raise the refusal, unless it can be read after all."""
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
    """Read a message without its members that are `null`, the id excepted; `None` if that fails."""
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
    """Write an error response; it has no id if none could be read (MCP, Base Protocol)."""
    content: dict[str, Json] = {"code": int(error.code), "message": error.message}
    if error.data is not None:
        content["data"] = error.data
    answered = error.id if id is None else id
    known = b"" if answered is None else b'"id":%b,' % encode(answered)
    return b'{"jsonrpc":"2.0",%b"error":%b}' % (known, encode(content))
