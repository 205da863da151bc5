"""Read the responses of servers: protocol revision, listed tools, errors."""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from scaffold._mcp.jsonrpc import DECODE_ERRORS, JsonRpcError, Message, is_null, read_message
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.protocol_versions import LEGACY, MODERN, MODERN_ERRORS, ErrorCode
from scaffold._mcp.refusal_reasons import describe_value, excerpt, read_error_reason
from scaffold._mcp.tool_results import COMPLETE
from scaffold.contract._errors.errors import ProtocolError
from scaffold.contract._json.types import Json

_MAX_SHOWN: Final = 10


class _Result(msgspec.Struct, rename="camel"):
    result_type: Any = COMPLETE


class InitializeResult(_Result):
    """The result of `initialize`."""

    protocol_version: str | None = None


class ListToolsResult(_Result, kw_only=True):
    """One page of the result of `tools/list`."""

    tools: list[Raw] | None
    """`None` from servers in Go that have no tools."""
    next_cursor: str | None = None


class _Discovered(msgspec.Struct, rename="camel"):
    supported_versions: list[Json] | None = None


class _Unsupported(msgspec.Struct):
    supported: list[Json] | None = None


def choose_version(answer: Message | None) -> str:
    """Return the revision to use after `server/discover`; an empty text means `initialize`.

    Only a list of versions or a known modern error shows the modern era. Older servers respond with
    any error or an empty result, do not respond, or crash.
    """
    if answer is None:
        return ""
    if not answer.is_error:
        if answer.result is UNSET:
            return ""
        supported = _decode_or_default(answer.result, _Discovered).supported_versions
        return _common_version(supported) if supported else ""
    assert answer.error is not UNSET
    reason = read_error_reason(answer.error)
    if reason.code not in MODERN_ERRORS:
        return ""
    if reason.code != ErrorCode.UNSUPPORTED_VERSION:
        raise ProtocolError(f"the server refused server/discover: {reason.text}")
    try:
        supported = msgspec.convert(reason.data, _Unsupported).supported
    except DECODE_ERRORS:
        supported = None
    return _common_version(supported or [])


def decode_result(answer: Message | None, form: type[Any], method: str) -> Any:
    """Decode the result of a response as `form`; raise `ProtocolError`."""
    result = result_of(answer, method)
    try:
        decoded = msgspec.json.decode(result, type=form)
    except DECODE_ERRORS as error:
        what = f"the answer to {method} is malformed: {error}: {excerpt(bytes(result))}"
        raise ProtocolError(what) from None
    if decoded.result_type not in (None, COMPLETE):
        found = describe_value(decoded.result_type)
        what = f"the server answered with resultType {found}, which is not a complete result"
        raise ProtocolError(f"{method}: {what}")
    return decoded


def parse_in_full(match: TemplateMatch[bool]) -> Message:
    """Parse a response in full whose payload was refused."""
    try:
        return read_message(match.line)
    except JsonRpcError as error:
        reason = f"the answer is not a JSON-RPC response, {error}: {excerpt(match.line)}"
        raise ProtocolError(reason) from None


def result_of(answer: Message | None, what: str) -> Raw:
    """Return the result of a response; raise `ProtocolError` if it has none."""
    if answer is None or answer.is_error or answer.result is UNSET or is_null(answer.result):
        raise no_result_error(answer, what)
    return answer.result


def no_result_error(answer: Message | None, what: str) -> ProtocolError:
    """Return the error for a response without a result."""
    if answer is None:
        return ProtocolError(f"{what}: there was no answer")
    if not answer.is_error or answer.error is UNSET:
        return ProtocolError(f"{what}: the answer has neither result nor error")
    return ProtocolError(f"{what}: the server refused: {read_error_reason(answer.error).text}")


def _common_version(supported: list[Json]) -> str:
    chosen = next((ours for ours in (MODERN, *LEGACY) if ours in supported), None)
    if chosen is None:
        speaks = ", ".join(map(describe_value, supported[:_MAX_SHOWN])) or "none"
        raise ProtocolError(f"no protocol revision in common; the server speaks {speaks}")
    return chosen


def _decode_or_default(raw: Raw, form: type[Any]) -> Any:
    try:
        return msgspec.json.decode(raw, type=form)
    except DECODE_ERRORS:
        return form()
