"""Read the responses of servers: protocol revision, errors, listed tools (bounded pages)."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from scaffold._mcp.hook_tools import OfferedTools
from scaffold._mcp.jsonrpc import DECODE_ERRORS, JsonRpcError, Message, is_null, read_message
from scaffold._mcp.lenient_reading import (
    WarnAboutTool,
    describe_value,
    excerpt,
    read_error_reason,
    read_tools,
)
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.protocol_versions import LEGACY, MODERN, MODERN_ERRORS, ErrorCode
from scaffold._mcp.tool_results import COMPLETE
from scaffold.contract._errors.errors import InvalidOutput, ProtocolError
from scaffold.contract._hooks.function_catalog import FunctionCatalog
from scaffold.contract._hooks.hook import Hook, Kind
from scaffold.contract._json import Json, JsonObject
from scaffold.contract._validation.partial_schema import PartialSchema

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


_MAX_PAGES: Final = 1000
_MAX_TOOLS: Final = 10_000
_MAX_LISTING_BYTES: Final = 16 << 20
"""Maximum length of all pages together."""
_MAX_CURSOR_CHARS: Final = 80
_MAX_WARNINGS: Final = 1000
_LIST: Final = "tools/list"


class ToolWarnings:
    """Logs one warning for each invalid tool of a server, to the plugin's logger."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self._logger = logging.getLogger(f"plugin.{plugin}")
        self._warned: set[tuple[str, str]] = set()

    def __call__(self, tool: str, what: str) -> None:
        """Log a warning about a tool, once."""
        if (tool, what) not in self._warned and len(self._warned) < _MAX_WARNINGS:
            self._warned.add((tool, what))
            self._logger.warning("%s: tool '%s' %s", self._plugin, tool, what)


class ToolPages:
    """Collects the pages of one listing, with limits for pages, tools and bytes.

    `is_usable` returns whether a tool can be called.
    """

    def __init__(
        self, warn_about_tool: WarnAboutTool, is_usable: Callable[[JsonObject], bool]
    ) -> None:
        self.tools: list[JsonObject] = []
        self._warn = warn_about_tool
        self._is_usable = is_usable
        self._cursors: set[str] = set()
        self._size = 0
        self._listed = 0
        self._read = 0

    def add(self, answer: Message | None) -> str:
        """Add a page; return the cursor of the next page, or an empty text after the last one.

        Raises `ProtocolError` if the response is not a page, or if a limit is exceeded.
        """
        page: ListToolsResult = decode_result(answer, ListToolsResult, _LIST)
        listed = page.tools or []
        self._size += len(bytes(result_of(answer, _LIST)))
        self._listed += len(listed)
        self._check_size()
        tools = read_tools(listed, self._warn)
        self._read += len(tools)
        self.tools += filter(self._is_usable, tools)
        cursor = page.next_cursor or ""
        if cursor in self._cursors:
            raise _endless_error(f"the cursor {cursor[:_MAX_CURSOR_CHARS]!r} came twice")
        if cursor:
            self._cursors.add(cursor)
        elif self._listed and not self._read:
            raise ProtocolError(f"{_LIST} holds nothing but tools without 'name'")
        return cursor

    def _check_size(self) -> None:
        if self._size > _MAX_LISTING_BYTES:
            raise _endless_error(f"more than {_MAX_LISTING_BYTES} bytes")
        if self._listed > _MAX_TOOLS:
            raise _endless_error(f"more than {_MAX_TOOLS} tools")
        if len(self._cursors) >= _MAX_PAGES:
            raise _endless_error(f"more than {_MAX_PAGES} pages")


class ToolList:
    """The tools of one server, mapped to hooks and functions of a kind."""

    def __init__(
        self, kind: Kind, plugin: str, tools: Iterable[JsonObject], warn_about_tool: WarnAboutTool
    ) -> None:
        listed = list(tools)
        self.offered = OfferedTools.read(kind, plugin, listed, warn_about_tool)
        self._warn = warn_about_tool
        self._catalogues = {
            name: FunctionCatalog(functions, plugin, warn_about_tool)
            for name, functions in self.offered.catalogues.items()
        }
        self._outputs = {tool["name"]: tool.get("outputSchema") for tool in listed}
        self._compiled: dict[str, PartialSchema] = {}

    def check(self, hook: Hook[Any, Any], payload: JsonObject) -> None:
        """Check the arguments of a function call against its schema, before it is sent."""
        assert hook.functions is not None
        self._catalogues[hook.functions.catalogue].check(hook, payload)

    def check_output(self, hook: Hook[Any, Any], tool: str, structured: bytes) -> None:
        """Check structured content against the output schema that the tool lists.

        Raises `InvalidOutput`, or `ProtocolError` if the content is not JSON.
        """
        document = self._outputs.get(tool)
        if document is None:
            return
        schema = self._compiled.get(tool)
        if schema is None:
            schema = self._compiled[tool] = PartialSchema(document)
            if schema.left_out:
                self._warn(tool, f"returns results that are not checked in full: {schema}")
        try:
            value = msgspec.json.decode(structured)
        except DECODE_ERRORS as error:
            what = f"its structured content cannot be read: {error}: {excerpt(structured)}"
            raise ProtocolError(f"{hook.name}: {what}") from None
        if not schema.accepts(value):
            raise InvalidOutput(hook.name, *schema.explain(value, "/result"))


def _endless_error(reason: str) -> ProtocolError:
    return ProtocolError(f"{_LIST} has no end: {reason}")
