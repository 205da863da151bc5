"""What the plugin returned or raised, as the response to a call."""

from functools import cached_property
from types import CoroutineType
from typing import Any, Final, Protocol

from scaffold._mcp.jsonrpc import JsonRpcError, write_response
from scaffold._mcp.message_templates import MESSAGE_START
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold._mcp.tool_results import ResultPrefix, result_start, write_error_result, write_result
from scaffold.contract._errors.errors import HookError, InvalidInput
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._payload.payload import LONG_TEXT_BYTES, NON_FINITE_CAPITALS
from scaffold.server._plugin.hook_steps import Steps, unexpected
from scaffold.server._protocol.toolbox import Tool, Toolbox

__all__ = ["Answers"]

_MISSING_CAPABILITY: Final = "missing_capability"
"""The code with which a hook says what its MCP client would have to be capable of."""


_REFUSED: Final = (ValueError, InvalidInput)
"""What the quick reader of a payload raises."""


class Repeat(Protocol):
    """Answers a call."""

    def __call__(self, id: bytes, arguments: bytes, tail: bytes = b"}}") -> bytes | None:
        """Take an id and a payload, both as they came; return the response.

        `tail` is what stands behind the output: two braces, and the end of line if there is one.
        Returns `None` if that is no valid payload: nothing has been called then. Raises
        `JsonRpcError` for what is no result.
        """
        ...


class Answers:
    """How calls of one tool are answered that differ in nothing but their ids and payloads.

    `text` says that the client wants a copy of the output as text.
    """

    def __init__(self, tool: Tool, toolbox: Toolbox, head: ResultPrefix, *, text: bool) -> None:
        self.tool = tool
        self._toolbox = toolbox
        self._head = head
        self._text = text

    @cached_property
    def repeat(self) -> "Repeat":
        """Calls a plain function on this thread, by the shortest way from payload to response."""
        hook, refuse, write = self.tool.hook, self.refuse, self.write
        invoke = self.tool.invoke if hook.input.python_type is None else self.tool.method
        load, quick, dump = hook.input.loader, hook.input.short_loader, hook.output.dumper
        bare = not (hook.content or self._text)
        n, i = NON_FINITE_CAPITALS
        opening = b',"result":%b' % result_start(self._head)
        join, whole, coroutine = b"".join, _whole, CoroutineType

        def repeat(id: bytes, arguments: bytes, tail: bytes = b"}}") -> bytes | None:
            try:
                if not arguments.isascii():
                    str(arguments, "utf-8")  # readers skip what they do not know
                plain = (
                    len(arguments) < LONG_TEXT_BYTES and n not in arguments and i not in arguments
                )
                payload = (quick if plain else load)(arguments)
            except _REFUSED:
                return None
            try:
                value = invoke(payload)
                if type(value) is coroutine:
                    return whole(id, refuse(unexpected(value)), tail)
                if bare:
                    return join((MESSAGE_START, id, opening, dump(value), tail))
                return whole(id, write(value), tail)
            except PLUGIN_EXCEPTIONS as error:
                return whole(id, refuse(error), tail)

        return repeat

    def steps(self, payload: Any) -> Steps[bytes]:
        """Take the steps from a payload to the result, of plain and of `async` functions."""
        try:
            value = yield self.tool.invoke(payload)
            return self.write(value)
        except PLUGIN_EXCEPTIONS as error:
            return self.refuse(error)

    def write(self, value: Any) -> bytes:
        """Write the result for what the plugin returned; raise `InvalidOutput`."""
        tool = self.tool
        output = tool.hook.output.dump(value)
        is_object = tool.is_object
        return write_result(tool.hook, output, self._head, is_object=is_object, text=self._text)

    def refuse(self, error: BaseException) -> bytes:
        """Write the result for what the plugin raised; raise `JsonRpcError` if it is none."""
        if not isinstance(error, HookError):
            return self._conceal(error)
        if error.code == _MISSING_CAPABILITY and self._head.modern:
            raise JsonRpcError(ErrorCode.MISSING_CAPABILITY, error.message, error.data)
        try:
            return write_error_result(error, self._head)
        except TypeError as wrong:
            return self._conceal(wrong)

    def _conceal(self, error: BaseException) -> bytes:
        return write_error_result(
            self._toolbox.mask_exception(error, self.tool.hook.name), self._head
        )


def _whole(id: bytes, result: bytes, tail: bytes) -> bytes:
    return write_response(int(id), result) + tail[2:]
