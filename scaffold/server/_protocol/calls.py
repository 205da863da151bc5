"""A request that needs the plugin, while it is in flight; and the session that it belongs to.

`tool_calls` and `streams` have the requests of MCP. A transport runs them: it knows this base only.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    Params,
    RequestId,
    encode,
    write_error_response,
    write_notification,
    write_response,
)
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold._mcp.tool_results import ResultPrefix
from scaffold.contract._context.call_context import ProgressListener, calling_with, reporting_to
from scaffold.contract._errors.masking import (
    ANY_EXCEPTION,
    is_cancellation,
    is_requested,
)
from scaffold.contract._json import Json
from scaffold.server._protocol.backpressure import FlowControl
from scaffold.server._protocol.hook_steps import (
    Steps,
    run_steps,
    run_steps_async,
)
from scaffold.server._protocol.toolbox import CallSpeed, Toolbox

Notify: TypeAlias = Callable[[bytes], None]
"""Sends one message that belongs to a call, from any thread."""
Headers: TypeAlias = Mapping[str, str]
"""The headers of an HTTP request: lower case names."""


@dataclass(slots=True)
class Session:
    """The state of a legacy client: one per pipe, or one per session over HTTP."""

    version: str = ""
    """The protocol revision that `initialize` has negotiated; empty before."""


class Request(msgspec.Struct, gc=False):
    """One request whose era is known."""

    id: RequestId
    params: Params
    session: Session
    head: ResultPrefix
    """The first members of a result of this era."""
    headers: Headers | None
    """The headers that a modern request over HTTP must mirror; `None` otherwise."""


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


def no_thread() -> JsonRpcError:
    """Return the error of a call for which the server can start no thread."""
    return JsonRpcError(ErrorCode.INTERNAL_ERROR, "the server cannot start a thread for it now")
