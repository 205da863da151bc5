"""The tools that a server lists: bounded pages, and checks of calls and results."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from scaffold._mcp.hook_tools import OfferedTools
from scaffold._mcp.jsonrpc import DECODE_ERRORS, Message
from scaffold._mcp.listed_tools import WarnAboutTool, read_tools
from scaffold._mcp.refusal_reasons import excerpt
from scaffold.client._protocol.responses import ListToolsResult, decode_result, result_of
from scaffold.contract._errors.errors import InvalidOutput, ProtocolError
from scaffold.contract._hooks.function_catalog import FunctionCatalog
from scaffold.contract._hooks.hook import Hook, Kind
from scaffold.contract._json.types import JsonObject
from scaffold.contract._validation.partial_schema import PartialSchema

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
