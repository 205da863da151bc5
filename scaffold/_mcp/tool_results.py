"""Convert a hook's output or error to an MCP tool result, and back.

An output is sent as `structuredContent`. Before 2026-07-28 that must be an object, so any other
value is wrapped as `{"result": …}`. A `HookError` is a result with `isError`: its message is text
for a language model, and the whole error is in `_meta` for a typed client.
Source: MCP 2026-07-28, Tools: Structured Content, Error Handling.
"""

from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType, field

from scaffold._mcp.jsonrpc import DECODE_ERRORS, encode, is_null
from scaffold._mcp.lenient_reading import content_text, describe_value, excerpt, json_as_text
from scaffold.contract._errors.errors import (
    HookError,
    InternalError,
    InvalidInput,
    InvalidOutput,
    ProtocolError,
)
from scaffold.contract._errors.problems import OmittedProblems, Problem
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._json import Json, JsonObject

WRAPPED_ARGUMENT: Final = "payload"
"""The name of the one argument if the input of a hook is not an object, which MCP requires."""

COMPLETE: Final = "complete"
"""The only `resultType` of a success (MCP 2026-07-28, Base Protocol)."""

_CONTENT_KEY: Final = b'"content"'
_CONTENT_EXTRACTED = b'"hookspec.scaffold/content":true'


class _Error(msgspec.Struct):
    code: str
    message: str
    data: Json = None


class _Meta(msgspec.Struct):
    error: _Error | None = field(default=None, name="hookspec.scaffold/error")
    content: bool | None = field(default=False, name="hookspec.scaffold/content")


class _Result(msgspec.Struct, rename="camel"):
    """A tool result. Serializers of some languages write absent members as `null`."""

    content: Raw | UnsetType = UNSET
    structured_content: Raw | UnsetType = UNSET
    is_error: bool | None = False
    result_type: Any = COMPLETE
    meta: _Meta | None = field(default=None, name="_meta")


class _Wrapped(msgspec.Struct):
    result: Raw


_decode_result = msgspec.json.Decoder(_Result).decode
_decode_wrapped = msgspec.json.Decoder(_Wrapped).decode
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_blocks = msgspec.json.Decoder(list[dict[str, Any]]).decode


class ResultPrefix:
    """The first members of every result of one server and one era, encoded once.

    Modern results name their type and their server (MCP 2026-07-28, Base Protocol: General fields).
    """

    def __init__(self, server: JsonObject, *, modern: bool) -> None:
        self.modern = modern
        self._type = b'"resultType":"complete",' if modern else b""
        info = {"io.modelcontextprotocol/serverInfo": server}
        self._info = encode(info)[1:-1] if modern else b""
        self._plain = self._write(b"")

    def write(self, meta: bytes = b"") -> bytes:
        """Return the members, each with its comma; `meta` holds further members of `_meta`."""
        return self._write(meta) if meta else self._plain

    def _write(self, meta: bytes) -> bytes:
        both = self._info + b"," + meta if self._info and meta else self._info or meta
        return self._type + (b'"_meta":{%b},' % both if both else b"")


def result_start(head: ResultPrefix, meta: bytes = b"", content: bytes = b"[]") -> bytes:
    """Return a result up to the output, which is last. `content` is a JSON list of blocks."""
    return b'{%b"isError":false,"content":%b,"structuredContent":' % (head.write(meta), content)


def write_result(
    hook: Hook[Any, Any], output: bytes, head: ResultPrefix, *, is_object: bool, text: bool
) -> bytes:
    """Write the result of a hook for its `output`, a valid payload as JSON.

    Args:
        hook: The hook.
        output: The payload as JSON.
        head: The first members of the result.
        is_object: True if the output schema allows objects only.
        text: True to add a copy as text, for clients that do not read structured content.
    """
    meta = b""
    content = b"[]"
    if hook.content and _CONTENT_KEY in output:
        output, blocks = _extract_content(output)
        if blocks is not None:
            meta, content, text = _CONTENT_EXTRACTED, blocks, False
    structured = output if is_object or head.modern else b'{"result":%b}' % output
    if text:
        content = b'[{"type":"text","text":%b}]' % encode(output.decode())
    return b"%b%b}" % (result_start(head, meta, content), structured)


def write_error_result(error: HookError, head: ResultPrefix) -> bytes:
    """Write the result of a hook that raised; raise `TypeError` if its data is not JSON."""
    whole = {"code": error.code, "message": error.message, "data": error.data}
    meta = b'"hookspec.scaffold/error":%b' % encode(whole)
    return b'{%b"isError":true,"content":[{"type":"text","text":%b}]}' % (
        head.write(meta),
        encode(str(error)),
    )


def read_result(hook: Hook[Any, Any], result: Raw, *, is_object: bool, modern: bool) -> bytes:
    """Return the hook's output as JSON, not yet validated; raise the `HookError` it holds."""
    try:
        answer = _decode_result(result)
        if answer.result_type != COMPLETE or answer.is_error:
            _check_complete(hook, answer)
            if answer.is_error:
                raise _hook_error(hook, answer)
        structured = answer.structured_content
        if structured is UNSET or (is_object and is_null(structured)):
            raise ProtocolError(f"{hook.name}: the result has no structured content")
        if answer.meta is not None and answer.meta.content:
            return _restore_content(structured, answer.content)
        return bytes(structured if is_object or modern else _decode_wrapped(structured).result)
    except DECODE_ERRORS as error:
        raise _malformed(hook, result, error) from None


class ForeignResult(NamedTuple):
    """The result of a tool of a server that does not know hooks."""

    output: bytes
    """The output of the hook as JSON."""
    structured: bytes | None
    """The structured content, if there is any."""


def read_foreign_result(hook: Hook[Any, Any], result: Raw) -> ForeignResult:
    """Convert the tool result of any MCP server to the output of a `functions` hook.

    `result` is the structured content, or the text if there is only text, or null. `content` has
    the blocks if the hook's output has that property.

    Raises `HookError` `tool_failed` for `isError`,
    `ProtocolError` for a result that is not complete.
    """
    try:
        answer = _decode_result(result)
        _check_complete(hook, answer)
        if answer.is_error:
            raise _foreign_error(answer)
        blocks = _blocks(answer.content)
    except DECODE_ERRORS as error:
        raise _malformed(hook, result, error) from None
    texts = [str(block.get("text", "")) for block in blocks if block.get("type") == "text"]
    value: Json = "\n".join(texts) if texts and len(texts) == len(blocks) else None
    output: JsonObject = {"result": value}
    structured = answer.structured_content
    if structured is UNSET or is_null(structured):
        structured = UNSET
    else:
        output["result"] = structured
    if hook.content:
        output["content"] = blocks
    return ForeignResult(encode(output), None if structured is UNSET else bytes(structured))


def _check_complete(hook: Hook[Any, Any], answer: _Result) -> None:
    """Raise `ProtocolError` for a result that is not complete, with the text in it."""
    if answer.result_type in (None, COMPLETE):
        return
    said = _texts(answer)
    what = f"the server answered with resultType {describe_value(answer.result_type)}"
    reason = f"{hook.name}: {what}, which is not a complete result"
    raise ProtocolError(f"{reason}: {said}" if said else reason)


def _malformed(hook: Hook[Any, Any], result: Raw, error: Exception) -> ProtocolError:
    return ProtocolError(f"{hook.name}: not a tool result: {error}: {excerpt(bytes(result))}")


def _blocks(content: Raw | UnsetType) -> list[dict[str, Any]]:
    return [] if content is UNSET or is_null(content) else _decode_blocks(content)


def _texts(answer: _Result) -> str:
    """Return the text in the content of a failed result, in whatever form it is."""
    if answer.content is UNSET or is_null(answer.content):
        return ""
    try:
        content: Json = msgspec.json.decode(answer.content)
    except DECODE_ERRORS:
        return excerpt(bytes(answer.content))
    return content_text(content) or (excerpt(bytes(answer.content)) if content else "")


def _foreign_error(answer: _Result) -> HookError:
    message = _texts(answer)
    structured = answer.structured_content
    if not message and structured is not UNSET and not is_null(structured):
        message = json_as_text(structured)
    try:
        blocks: Json = _blocks(answer.content)
    except DECODE_ERRORS:
        blocks = []
    return HookError("tool_failed", message or "the tool failed", {"content": blocks})


def _hook_error(hook: Hook[Any, Any], answer: _Result) -> HookError:
    if answer.meta is None or answer.meta.error is None:
        return HookError("tool_failed", _texts(answer) or "the tool failed")
    error = answer.meta.error
    rebuild = {"invalid_input": InvalidInput, "invalid_output": InvalidOutput}.get(error.code)
    if rebuild is not None:
        return rebuild(hook.name, _problems(error.data), _rest(error.data))
    if error.code == "internal":
        return InternalError(error.message, error.data)
    return HookError(error.code, error.message, error.data)


def _problems(data: Json) -> list[Problem]:
    try:
        return [Problem(**problem) for problem in data["problems"]]
    except (TypeError, KeyError, AttributeError) as error:
        raise ProtocolError(
            f"an invalid payload was reported without its problems: {error}"
        ) from None


def _rest(data: JsonObject) -> OmittedProblems:
    number, is_exact = data.get("more", 0), data.get("more_is_exact", True)
    return OmittedProblems(number if isinstance(number, int) else 0, is_exact=is_exact is not False)


def _extract_content(output: bytes) -> tuple[bytes, bytes | None]:
    """Remove `content` from an output; MCP sends it next to the structured content."""
    properties = _decode_object(output)
    blocks = properties.pop("content", None)
    if blocks is None:
        return output, None
    return encode(properties), bytes(blocks)


def _restore_content(structured: Raw, blocks: Raw | UnsetType) -> bytes:
    """Add `content` to the structured content, where the hook's output has it."""
    properties = _decode_object(structured)
    properties["content"] = Raw(b"[]") if blocks is UNSET or is_null(blocks) else blocks
    return encode(properties)
