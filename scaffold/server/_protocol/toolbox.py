"""The tools of one plugin: their methods, their measured speed, and how they get payloads."""

import logging
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType
from pydantic_core import from_json

from scaffold._mcp.hook_tools import describe_tools, tool_name
from scaffold._mcp.http_headers import parameter_headers
from scaffold._mcp.jsonrpc import encode
from scaffold._mcp.tool_results import WRAPPED_ARGUMENT
from scaffold.contract._context.telemetry import NULL_TRACER, Tracer
from scaffold.contract._errors.errors import HookError, InternalError, InvalidInput
from scaffold.contract._errors.masking import mask_exception
from scaffold.contract._errors.problems import Problem
from scaffold.contract._hooks.function_catalog import FunctionCatalog
from scaffold.contract._hooks.hook import Functions, Hook
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json import Json, JsonObject
from scaffold.server._protocol.hook_steps import Steps, is_async, traced

_FAST: Final = 0.000_5
"""Seconds that a fast call may take, including its payloads."""
_SLOW: Final = 0.005
"""Seconds above which a call counts as slow."""
_BLOCKING: Final = 0.05
"""Seconds above which one call is enough: longer than a fast call takes on a busy machine."""
_MAX_SLOW_IN_A_ROW: Final = 3
"""Slow calls in a row after which a function goes back to the threads."""
_TRIAL_CALLS: Final = 32
"""Fast calls in a row after which a function runs in the loop."""
_BACKOFF_FACTOR: Final = 8
"""The factor of `_TRIAL_CALLS` each time a function goes back to the threads."""

log = logging.getLogger(__name__)

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


class Tool:
    """One MCP tool: a hook of the plugin, called with the arguments of a request."""

    def __init__(self, plugin: Plugin, hook: Hook[Any, Any]) -> None:
        description = hook.kind.describe(hook.name)
        self.hook = hook
        self.method: Callable[..., Any] = getattr(plugin, hook.name)
        self.is_async = is_async(self.method)
        self.streams = hook.streams
        self.is_object = bool(description["output"]["object"])
        self.speed = CallSpeed()
        self._wrapped = not description["input"]["object"]
        self.has_templates = not (self._wrapped or hook.streams)
        """True if `loader` reads the arguments of a call."""
        self.loader: Callable[[bytes], Any] = hook.input.loader
        """Reads the arguments; raises `InvalidInput` or another `ValueError`."""
        self.short_loader: Callable[[bytes], Any] = hook.input.short_loader
        """Reads short arguments, see `Payload.short_loader`."""

    @cached_property
    def headers(self) -> dict[str, tuple[str, ...]]:
        """HTTP header → path of the argument that it mirrors."""
        description = self.hook.kind.describe(self.hook.name)
        return parameter_headers(description["input"]["schema"])

    def load(self, arguments: Raw | UnsetType) -> Any:
        """Read the arguments of a call; raise `InvalidInput`."""
        return self.hook.input.load(self._payload(arguments))

    def _payload(self, arguments: Raw | UnsetType) -> bytes:
        if not self._wrapped:
            return b"{}" if arguments is UNSET else bytes(arguments)
        try:
            properties = {} if arguments is UNSET else _decode_object(arguments)
            return bytes(properties[WRAPPED_ARGUMENT])
        except (msgspec.DecodeError, KeyError):
            message = f"the one argument '{WRAPPED_ARGUMENT}' is missing"
            raise InvalidInput(self.hook.name, [Problem("", "required", message)]) from None

    def invoke(self, payload: Any) -> Any:
        """Call the plugin; return the value or an awaitable of it."""
        return self.method() if self.hook.input.python_type is None else self.method(payload)


class _FunctionTool(Tool):
    """One function of a hook whose catalog lists several functions, each of which is a tool."""

    def __init__(
        self, plugin: Plugin, hook: Hook[Any, Any], catalog: FunctionCatalog, function: JsonObject
    ) -> None:
        super().__init__(plugin, hook)
        assert hook.functions is not None
        self._catalog = catalog
        self.description = encode(function)
        self._function: str = function["name"]
        self._parameters = function["parameters"]
        start = {hook.functions.name: function["name"], hook.functions.arguments: None}
        self._head = encode(start).removesuffix(b"null}")
        self.is_listed = True
        """False after the plugin has removed or changed the function."""
        self.loader = self._checking(hook.input.loader)
        self.short_loader = self._checking(hook.input.short_loader)

    @cached_property
    def headers(self) -> dict[str, tuple[str, ...]]:
        return parameter_headers(self._parameters)

    def load(self, arguments: Raw | UnsetType) -> Any:
        payload = self._head + (b"{}" if arguments is UNSET else bytes(arguments)) + b"}"
        loaded = self.hook.input.load(payload)
        self._catalog.check(self.hook, from_json(payload))
        return loaded

    def _checking(self, load: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        """Return what reads the arguments of a call that matches a template, and checks them."""
        head, hook, function = self._head, self.hook, self._function
        check = self._catalog.check_arguments

        def load_arguments(arguments: bytes) -> Any:
            if not self.is_listed:
                raise ValueError("the plugin's functions have changed")
            # First, as JSON: only then the arguments cannot be more than one member.
            parsed = from_json(arguments, allow_inf_nan=False)
            loaded = load(head + arguments + b"}")
            check(hook, function, parsed)
            return loaded

        return load_arguments


class Toolbox:
    """Every tool of a plugin, by name.

    Function catalogs are read at the first use, for every `tools/list`, and when a call names an
    unknown tool.
    """

    def __init__(self, plugin: Plugin, name: str, tracer: Tracer = NULL_TRACER) -> None:
        self.plugin = plugin
        self.name = name
        self._tracer = tracer
        self._hooks = [hook for hook in plugin.kind.hooks.values() if hook.exposed]
        self._catalog_hooks = [
            (hook, hook.functions) for hook in self._hooks if hook.functions is not None
        ]
        plain = [hook for hook in self._hooks if hook.functions is None]
        self._plain = self._by_name((tool_name(hook, name), Tool(plugin, hook)) for hook in plain)
        self._tools = self._plain
        self._encoded_lists: dict[bool, bytes] = {}

    def mask_exception(self, error: BaseException, hook: str) -> InternalError:
        """Log an exception; return the error that the client may see."""
        return mask_exception(error, plugin=self.name, hook=hook)

    @property
    def is_static(self) -> bool:
        """True if the list of tools never changes while the server runs."""
        return not self._catalog_hooks

    @cached_property
    def is_async(self) -> bool:
        """True if to list or call some tool needs an event loop."""
        names = [hook.name for hook in self._hooks]
        names += [functions.catalogue for _hook, functions in self._catalog_hooks]
        return any(is_async(getattr(self.plugin, name)) for name in names)

    def get(self, name: str) -> Tool | None:
        """Return a tool; `None` if it is unknown, or in a catalog that has not been read yet."""
        return self._tools.get(name)

    def find(self, name: str) -> Steps[Tool | None]:
        """Return a tool; read the catalogs if it is unknown."""
        tool = self.get(name)
        if tool is None and self._catalog_hooks:
            yield from self._read_catalogs()
            tool = self.get(name)
        return tool

    def list_tools(self, *, modern: bool) -> Steps[bytes]:
        """Write the list of tools as JSON."""
        catalogs = yield from self._read_catalogs()
        if self._catalog_hooks or modern not in self._encoded_lists:
            tools = describe_tools(self.plugin.kind, self.name, catalogs, modern=modern)
            self._encoded_lists[modern] = encode(
                [tool for tool in tools if _has_valid_headers(tool)]
            )
        return self._encoded_lists[modern]

    def _read_catalogs(self) -> Steps[dict[str, list[JsonObject]]]:
        tools: list[tuple[str, Tool]] = list(self._plain.items())
        catalogs: dict[str, list[JsonObject]] = {}
        for hook, functions in self._catalog_hooks:
            listed = yield from self._functions(functions)
            catalogs[functions.catalogue] = listed
            catalog = FunctionCatalog(listed)
            for function in listed:
                name = tool_name(hook, self.name, function["name"])
                tools.append((name, self._function_tool(name, hook, catalog, function)))
        if self._catalog_hooks:
            before, self._tools = self._tools, self._by_name(tools)
            for name, tool in before.items():
                if isinstance(tool, _FunctionTool):
                    tool.is_listed = self._tools.get(name) is tool
        return catalogs

    def _function_tool(
        self, name: str, hook: Hook[Any, Any], catalog: FunctionCatalog, function: JsonObject
    ) -> Tool:
        """Return the tool of a function: the same one as long as the function is the same."""
        known = self._tools.get(name)
        if isinstance(known, _FunctionTool) and known.description == encode(function):
            return known
        return _FunctionTool(self.plugin, hook, catalog, function)

    def _functions(self, functions: Functions) -> Steps[list[JsonObject]]:
        hook = self.plugin.kind.hooks[functions.catalogue]
        functions_value = yield getattr(self.plugin, hook.name)()
        listed: list[JsonObject] = from_json(hook.output.dump(functions_value))
        return listed

    def _by_name(self, tools: Iterable[tuple[str, Tool]]) -> dict[str, Tool]:
        table: dict[str, Tool] = {}
        for name, tool in tools:
            if name in table:
                raise HookError("ambiguous_tool", f"two functions or hooks make the tool '{name}'")
            table[name] = tool
            if self._tracer is not NULL_TRACER:
                method = getattr(self.plugin, tool.hook.name)
                tool.method = traced(method, tool.hook, self.name, self._tracer)
        return table


class CallSpeed:
    """The measured speed of one function: whether it is fast enough for the event loop itself.

    To hand a call to a thread and back takes longer than most hooks. A function that was fast in
    many calls in a row runs in the loop. A function that becomes slow goes back to the threads, and
    then needs more fast calls each time. Functions that wait for a network or disk exceed the limit
    of a fast call, so they do not block the loop.
    """

    def __init__(self) -> None:
        self._needed_calls = _TRIAL_CALLS
        self._fast_calls = 0
        self._slow_calls = 0

    @property
    def is_fast(self) -> bool:
        """True if the next call may run in the loop."""
        return self._fast_calls >= self._needed_calls

    def record(self, seconds: float) -> None:
        """Record how long a call took."""
        if seconds <= _FAST:
            self._fast_calls += 1
            self._slow_calls = 0
        elif not self.is_fast:
            self._fast_calls = 0
        elif seconds > _SLOW:
            self._slow_calls += 1
            if seconds > _BLOCKING or self._slow_calls == _MAX_SLOW_IN_A_ROW:
                self._needed_calls *= _BACKOFF_FACTOR
                self._fast_calls = self._slow_calls = 0


def _has_valid_headers(tool: Json) -> bool:
    """Return whether a tool's header annotations are valid; clients must refuse it otherwise."""
    try:
        parameter_headers(tool["inputSchema"])
    except ValueError as error:
        log.warning("tool '%s' is left out of the list: %s", tool["name"], error)
        return False
    return True
