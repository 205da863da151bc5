"""What the plugin returned or raised, as the response to a call."""

from types import CoroutineType
from typing import Any, Final, NamedTuple

from scaffold.contract.errors import HookError, InvalidInput
from scaffold.contract.failure import FAILURES
from scaffold.server.steps import unexpected
from scaffold.server.tools import Tool, Toolbox
from scaffold.wire.eras import Code
from scaffold.wire.messages import WireError, error_response, response
from scaffold.wire.results import Head, write_error, write_result

__all__ = ["Answers"]

_MISSING_CAPABILITY: Final = "missing_capability"
"""The code with which a hook says what its MCP client would have to be capable of."""


class Answers(NamedTuple):
    """How calls of one tool are answered that differ in nothing but their ids and payloads."""

    tool: Tool
    toolbox: Toolbox
    head: Head
    text: bool
    """True if the client wants a copy of the output as text."""

    def repeat(self, id: int, arguments: bytes) -> bytes | None:
        """Call a plain function on this thread and return the response; raises nothing.

        `None` if the arguments are no valid payload: nothing has been called then.
        """
        try:
            result = self.result(arguments)
        except WireError as error:
            return error_response(error, id)
        return None if result is None else response(id, result)

    def result(self, arguments: bytes) -> bytes | None:
        """Call a plain function as `repeat` does and return the result; raises `WireError`."""
        try:
            payload = self.tool.hook.input.load(arguments)
        except InvalidInput:
            return None
        try:
            value = self.tool.invoke(payload)
            if type(value) is CoroutineType:
                return self.refuse(unexpected(value))
            return self.write(value)
        except FAILURES as error:
            return self.refuse(error)

    def write(self, value: Any) -> bytes:
        """Write the result for what the plugin returned; raise `InvalidOutput`."""
        tool, _toolbox, head, text = self
        output = tool.hook.output.dump(value)
        return write_result(tool.hook, output, head, is_object=tool.is_object, text=text)

    def refuse(self, error: BaseException) -> bytes:
        """Write the result for what the plugin raised; raise `WireError` if it is none."""
        if not isinstance(error, HookError):
            return self._conceal(error)
        if error.code == _MISSING_CAPABILITY and self.head.modern:
            raise WireError(Code.MISSING_CAPABILITY, error.message, error.data)
        try:
            return write_error(error, self.head)
        except TypeError as wrong:
            return self._conceal(wrong)

    def _conceal(self, error: BaseException) -> bytes:
        return write_error(self.toolbox.conceal(error, self.tool.hook.name), self.head)
