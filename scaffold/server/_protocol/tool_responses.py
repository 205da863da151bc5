"""Responses of tool calls: what the plugin returned or raised, as JSON."""

from functools import cached_property
from types import CoroutineType
from typing import Any, Final, Protocol

from scaffold._mcp.jsonrpc import JsonRpcError, write_response
from scaffold._mcp.message_templates import MESSAGE_START
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold._mcp.tool_results import ResultPrefix, result_start, write_error_result, write_result
from scaffold.contract._errors.errors import HookError, InvalidInput
from scaffold.contract._errors.masking import ANY_EXCEPTION, PLUGIN_EXCEPTIONS, as_exception
from scaffold.contract._payload.payload import LONG_TEXT_BYTES, NON_FINITE_CAPITALS
from scaffold.server._plugin.hook_steps import Steps, unexpected_awaitable
from scaffold.server._protocol.toolbox import Tool, Toolbox

_MISSING_CAPABILITY: Final = "missing_capability"
"""The error code of a hook that needs a capability which the MCP client does not have."""


_INVALID_PAYLOAD: Final = (ValueError, InvalidInput)
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

    @cached_property
    def fast_respond(self) -> "FastRespond":
        """The fast path: call a plain function on this thread, from payload bytes to response.

        It is a closure, because its variables are read faster than attributes. `steps` is the plain
        path; both must give the same responses.
        """
        hook, error_result, result = self.tool.hook, self.error_result, self.result
        invoke = self.tool.invoke if hook.input.python_type is None else self.tool.method
        load, quick, dump = hook.input.loader, hook.input.short_loader, hook.output.dumper
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
            except _INVALID_PAYLOAD:
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
