"""The requests that need the plugin: `tools/list` and `tools/call`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

from msgspec import UNSET
from typing_extensions import override

from scaffold._mcp.http_headers import check_parameter_headers
from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    RequestId,
    encode,
    write_error_response,
    write_notification,
    write_response,
)
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.contract._context.metadata import calling_with
from scaffold.contract._context.progress import ProgressListener, reporting_to
from scaffold.contract._errors.errors import HookError
from scaffold.contract._errors.masking import (
    ANY_EXCEPTION,
    PLUGIN_EXCEPTIONS,
    is_cancellation,
    is_requested,
)
from scaffold.contract._json.types import Json
from scaffold.server._plugin.hook_steps import Steps, run_steps, run_steps_async
from scaffold.server._protocol.backpressure import FlowControl
from scaffold.server._protocol.call_speed import CallSpeed
from scaffold.server._protocol.request_context import Headers, Request
from scaffold.server._protocol.tool_responses import ToolResponder
from scaffold.server._protocol.toolbox import Tool, Toolbox

Notify: TypeAlias = Callable[[bytes], None]
"""Sends one message that belongs to a call, from any thread."""


class Call(ABC):
    """A request in flight. Its transport runs it, on a thread or in an event loop."""

    def __init__(
        self,
        id: RequestId,
        toolbox: Toolbox,
        *,
        is_async: bool,
        progress_token: RequestId | None = None,
        metadata: Mapping[str, Json] | None = None,
        speed: CallSpeed | None = None,
    ) -> None:
        self.id = id
        self._toolbox = toolbox
        self.speed = speed
        """The measured speed of the function, if it is known."""
        self.is_async = is_async
        """True if the call needs an event loop."""
        self.progress_token = progress_token
        """Set if the client wants progress notifications."""
        self.metadata = metadata
        """The client's metadata of the call, next to its payload."""
        self.cancelled = False
        """Set by `cancel`; nothing more is sent then."""
        self.error: JsonRpcError | None = None
        """The protocol error of the response, if there is one: it decides the HTTP status."""

    @property
    def flow(self) -> FlowControl | None:
        """The flow control of a stream; `None` for other calls."""
        return None

    @property
    def is_fast(self) -> bool:
        """True if its function is fast enough to run in the event loop itself."""
        return self.speed is not None and self.speed.is_fast and not self.is_async

    def cancel(self) -> None:
        """Mark the call as cancelled by the client. Its response is discarded."""
        self.cancelled = True
        if self.flow is not None:
            self.flow.cancel()

    def run(self, notify: Notify) -> bytes:
        """Run the call on this thread and return its response. It raises nothing."""
        try:
            if self.progress_token is None and not self.metadata:
                return write_response(self.id, run_steps(self.steps()))
            with self._call_context(notify):
                return write_response(self.id, run_steps(self.steps()))
        except ANY_EXCEPTION as error:
            return self.refuse(error)

    async def run_async(self, notify: Notify) -> bytes:
        """Run the call in the running event loop and return its response.

        It raises nothing but the cancellation of its task.
        """
        try:
            if self.progress_token is None and not self.metadata:
                return write_response(self.id, await run_steps_async(self.steps()))
            with self._call_context(notify):
                return write_response(self.id, await run_steps_async(self.steps()))
        except ANY_EXCEPTION as error:
            if is_cancellation(error) and is_requested(error):
                raise
            return self.refuse(error)

    def refuse(self, error: BaseException) -> bytes:
        """Return the response to a call that has no result, because of an exception."""
        if not isinstance(error, JsonRpcError):
            masked = self._toolbox.mask_exception(error, "the call")
            error = JsonRpcError(ErrorCode.INTERNAL_ERROR, str(masked), masked.data)
        self.error = error
        return write_error_response(error, self.id)

    @contextmanager
    def _call_context(self, notify: Notify) -> Generator[None]:
        """Give the plugin the call's progress listener and metadata, within this block."""
        with ExitStack() as stack:
            if self.progress_token is not None:
                stack.enter_context(
                    reporting_to(self.progress_listener(self.progress_token, notify))
                )
            if self.metadata:
                stack.enter_context(calling_with(self.metadata))
            yield

    def progress_listener(self, progress_token: RequestId, notify: Notify) -> ProgressListener:
        """Return the listener of the hook's progress reports."""
        return _ProgressNotifier(self, progress_token, notify)

    @abstractmethod
    def steps(self) -> Steps[bytes]:
        """Return the steps from the request to the result."""


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
        if tool is None or not tool.is_plain or not head.modern:
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


class _ProgressNotifier:
    """Sends a hook's reports as notifications, if their progress increases (MCP, Progress)."""

    def __init__(self, call: Call, progress_token: RequestId, notify: Notify) -> None:
        self._call = call
        self._progress_token = progress_token
        self._notify = notify
        self._last = float("-inf")

    def __call__(self, progress: float, total: float | None, message: str) -> None:
        if self._call.cancelled or progress <= self._last:
            return
        self._last = progress
        params: dict[str, Any] = {"progressToken": self._progress_token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message:
            params["message"] = message
        self._notify(write_notification("notifications/progress", encode(params)))


def _catalog_error(toolbox: Toolbox, error: BaseException) -> JsonRpcError:
    """Return the protocol error for a plugin that could not list its functions."""
    refusal = (
        error if isinstance(error, HookError) else toolbox.mask_exception(error, "the catalog")
    )
    return JsonRpcError(ErrorCode.INTERNAL_ERROR, str(refusal), refusal.data)
