"""The requests that need the plugin: `tools/list` and `tools/call`, from arguments to response."""

from collections.abc import Mapping
from functools import cached_property
from types import CoroutineType
from typing import Any, Final, Protocol

from msgspec import UNSET
from typing_extensions import override

from scaffold._mcp.http_headers import check_parameter_headers
from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    RequestId,
    write_response,
)
from scaffold._mcp.message_templates import MESSAGE_START
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold._mcp.tool_results import ResultPrefix, result_start, write_error_result, write_result
from scaffold.contract._errors.errors import HookError, InvalidInput
from scaffold.contract._errors.masking import (
    ANY_EXCEPTION,
    PLUGIN_EXCEPTIONS,
    as_exception,
)
from scaffold.contract._json import Json
from scaffold.contract._payload.codecs import LONG_TEXT_BYTES, NON_FINITE_CAPITALS
from scaffold.server._protocol.calls import Call, Headers, Request
from scaffold.server._protocol.hook_steps import (
    Steps,
    unexpected_awaitable,
)
from scaffold.server._protocol.toolbox import Tool, Toolbox

_MISSING_CAPABILITY: Final = "missing_capability"
"""The error code of a hook that needs a capability which the MCP client does not have."""
INVALID_PAYLOAD: Final = (ValueError, InvalidInput)
"""What the fast loader of a payload raises for an invalid payload."""


class FastRespond(Protocol):
    """Responds to a call whose message matches a template."""

    def __call__(self, id: bytes, arguments: bytes, tail: bytes = b"}}") -> bytes | None:
        """Call the hook and return the response.

        Args:
            id: The id of the request, as digits.
            arguments: The payload, as received.
            tail: What follows the output: two braces, and the newline if there is one.

        Returns:
            The response; `None` if the payload is invalid. The hook has not been called then.

        Raises:
            JsonRpcError: If the response is a protocol error.
        """
        ...


class ToolResponder:
    """Responds to calls of one tool that differ in their ids and payloads only.

    Args:
        text: True if the client wants a copy of the output as text.
    """

    def __init__(self, tool: Tool, toolbox: Toolbox, head: ResultPrefix, *, text: bool) -> None:
        self.tool = tool
        self.toolbox = toolbox
        self._head = head
        self._text = text

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, ToolResponder) and self.tool is other.tool

    @override
    def __hash__(self) -> int:
        return id(self.tool)

    @cached_property
    def fast_respond(self) -> "FastRespond":
        """The fast path: call a plain function on this thread, from payload bytes to response.

        It is a closure, because its variables are read faster than attributes. `steps` is the plain
        path; both must give the same responses.
        """
        hook, error_result, result = self.tool.hook, self.error_result, self.result
        invoke = self.tool.invoke if hook.input.python_type is None else self.tool.method
        load, quick, dump = self.tool.loader, self.tool.short_loader, hook.output.dumper
        structured_only = not (hook.content or self._text)
        n, i = NON_FINITE_CAPITALS
        prefix = b',"result":%b' % result_start(self._head)
        join, full_response, coroutine = b"".join, _full_response, CoroutineType

        def fast_respond(id: bytes, arguments: bytes, tail: bytes = b"}}") -> bytes | None:
            try:
                if not arguments.isascii():
                    str(arguments, "utf-8")  # readers skip what they do not know
                is_short = (
                    len(arguments) < LONG_TEXT_BYTES and n not in arguments and i not in arguments
                )
                payload = (quick if is_short else load)(arguments)
            except INVALID_PAYLOAD:
                return None
            try:
                value = invoke(payload)
                if type(value) is coroutine:
                    return full_response(id, error_result(unexpected_awaitable(value)), tail)
                if structured_only:
                    return join((MESSAGE_START, id, prefix, dump(value), tail))
                return full_response(id, result(value), tail)
            except ANY_EXCEPTION as error:
                return full_response(id, error_result(error), tail)

        return fast_respond

    def steps(self, payload: Any) -> Steps[bytes]:
        """Return the steps from a payload to the result, for plain and `async` functions."""
        try:
            value = yield self._invoke(payload)
            return self.result(value)
        except PLUGIN_EXCEPTIONS as error:
            return self.error_result(error)

    def _invoke(self, payload: Any) -> Any:
        """Call the method; raise what it raises as an `Exception`."""
        try:
            return self.tool.invoke(payload)
        except ANY_EXCEPTION as error:
            failure = as_exception(error)
            raise failure from failure.__cause__

    def result(self, value: Any) -> bytes:
        """Write the result for what the plugin returned; raise `InvalidOutput`."""
        tool = self.tool
        output = tool.hook.output.dump(value)
        is_object = tool.is_object
        return write_result(tool.hook, output, self._head, is_object=is_object, text=self._text)

    def error_result(self, error: BaseException) -> bytes:
        """Write the result for an exception; raise `JsonRpcError` if it is a protocol error."""
        if not isinstance(error, HookError):
            return self._masked_error(error)
        if error.code == _MISSING_CAPABILITY and self._head.modern:
            raise JsonRpcError(ErrorCode.MISSING_CAPABILITY, error.message, error.data)
        try:
            return write_error_result(error, self._head)
        except TypeError as wrong:
            return self._masked_error(wrong)

    def _masked_error(self, error: BaseException) -> bytes:
        return write_error_result(
            self.toolbox.mask_exception(error, self.tool.hook.name), self._head
        )


def _full_response(id: bytes, result: bytes, tail: bytes) -> bytes:
    return write_response(int(id), result) + tail[2:]


class ListTools(Call):
    """`tools/list`."""

    def __init__(self, request: Request, toolbox: Toolbox, cache_ms: int) -> None:
        super().__init__(request.id, toolbox, is_async=toolbox.is_async)
        self._head = request.head
        self._cache_ms = cache_ms

    @override
    def steps(self) -> Steps[bytes]:
        try:
            tools = yield from self._toolbox.list_tools(modern=self._head.modern)
        except PLUGIN_EXCEPTIONS as error:
            raise _catalog_error(self._toolbox, error) from None
        caching = b',"ttlMs":%d,"cacheScope":"public"' % self._cache_ms
        return b'{%b"tools":%b%b}' % (
            self._head.write(),
            tools,
            caching if self._head.modern else b"",
        )


class ToolCall(Call):
    """`tools/call`."""

    def __init__(
        self,
        request: Request,
        toolbox: Toolbox,
        tool: Tool | None,
        *,
        metadata: Mapping[str, Json] | None = None,
    ) -> None:
        meta = request.params.meta
        progress_token = None if meta is UNSET else meta.progress_token
        is_async = toolbox.is_async if tool is None else tool.is_async
        speed = None if tool is None else tool.speed
        super().__init__(
            request.id,
            toolbox,
            is_async=is_async,
            progress_token=progress_token,
            metadata=metadata,
            speed=speed,
        )
        self._request = request
        self._tool = tool
        self._text = meta is UNSET or not meta.structured

    @override
    def steps(self) -> Steps[bytes]:
        tool = self._tool or (yield from self._find())
        request = self._request
        if request.headers is not None:
            self.check_headers(tool, request.headers)
        responder = ToolResponder(tool, self._toolbox, request.head, text=self._text)
        try:
            payload = tool.load(request.params.arguments)
        except PLUGIN_EXCEPTIONS as error:
            return responder.error_result(error)
        return (yield from responder.steps(payload))

    def check_headers(self, tool: Tool, headers: Headers) -> None:
        """Raise `JsonRpcError` if the headers of a modern HTTP request contradict its arguments."""
        try:
            mirrored = tool.headers
        except ValueError as error:
            reason = f"the tool '{self._request.params.name}' is not offered: {error}"
            raise JsonRpcError(ErrorCode.INVALID_PARAMS, reason) from None
        check_parameter_headers(mirrored, self._request.params.arguments, headers)

    @property
    def template(self) -> ToolResponder | None:
        """The responder for later calls of this template; `None` if each needs all checks."""
        tool, head = self._tool, self._request.head
        if tool is None or not tool.has_templates or not head.modern:
            return None
        if self.progress_token is not None or self.metadata:
            return None
        return ToolResponder(tool, self._toolbox, head, text=self._text)

    @property
    def arguments(self) -> bytes:
        """The payload as received."""
        return bytes(self._request.params.arguments or b"")

    def _find(self) -> Steps[Tool]:
        name = self._request.params.name
        try:
            tool = yield from self._toolbox.find(name)
        except PLUGIN_EXCEPTIONS as error:
            raise _catalog_error(self._toolbox, error) from None
        if tool is None:
            raise JsonRpcError(ErrorCode.INVALID_PARAMS, f"no tool '{name}'")
        return tool


class TemplatedCall(Call):
    """`tools/call` that matches a template, with its payload already loaded."""

    def __init__(self, id: RequestId, responder: ToolResponder, payload: Any) -> None:
        tool = responder.tool
        super().__init__(id, responder.toolbox, is_async=tool.is_async, speed=tool.speed)
        self._responder = responder
        self._payload = payload

    @override
    def steps(self) -> Steps[bytes]:
        return self._responder.steps(self._payload)


def _catalog_error(toolbox: Toolbox, error: BaseException) -> JsonRpcError:
    """Return the protocol error for a plugin that could not list its functions."""
    refusal = (
        error if isinstance(error, HookError) else toolbox.mask_exception(error, "the catalog")
    )
    return JsonRpcError(ErrorCode.INTERNAL_ERROR, str(refusal), refusal.data)
