"""A call of a stream hook: items are sent one by one, or collected into one result."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from msgspec import UNSET
from typing_extensions import override

from scaffold._concurrency.locks import Rank, lock
from scaffold._mcp.jsonrpc import RequestId, write_response
from scaffold._mcp.notifications import (
    HookReport,
    write_stream_end,
    write_stream_item,
    write_stream_report,
)
from scaffold._mcp.tool_results import ResultPrefix, write_result
from scaffold.contract._context.call_context import ProgressListener
from scaffold.contract._errors.errors import HookError
from scaffold.contract._errors.masking import ANY_EXCEPTION, PLUGIN_EXCEPTIONS, is_requested
from scaffold.contract._hooks.channel import is_async_iterator, iterator_of
from scaffold.contract._json import Json
from scaffold.server._protocol.backpressure import FlowControl, TurnQueue
from scaffold.server._protocol.calls import Notify, Request
from scaffold.server._protocol.hook_steps import Steps
from scaffold.server._protocol.tool_calls import ToolCall, ToolResponder
from scaffold.server._protocol.toolbox import Tool, Toolbox

_MAX_COLLECTED_BYTES: Final = 1 << 26
"""Bytes of a stream that are collected for a client that does not read streams: 64 MiB."""
_MAX_WINDOW: Final = 1 << 20
"""Bytes that a stream may run ahead of its client, even if the client allows more."""
_MAX_TURN: Final = 0.05
"""Seconds after which a plain generator yields its thread to other streams."""


class StreamCall(ToolCall):
    """`tools/call` of a stream hook.

    A client that reads streams gets one message per item, within the window that it allows. Any
    other client gets one result with all items.
    """

    def __init__(
        self,
        request: Request,
        toolbox: Toolbox,
        tool: Tool,
        *,
        metadata: Mapping[str, Json] | None,
        timeout: float,
        turn_queue: TurnQueue,
    ) -> None:
        super().__init__(request, toolbox, tool, metadata=metadata)
        meta = request.params.meta
        self.speed = None  # it waits for its client, so it must never run in the event loop
        window = 0 if meta is UNSET or self.progress_token is None else meta.window
        self._stream_tool = tool
        self._turn_queue = turn_queue
        self._flow = FlowControl(min(window, _MAX_WINDOW), timeout)
        self._sink: _ItemSender | _ItemCollector = _ItemCollector(tool, text=self._text)
        if window > 0 and self.progress_token is not None:
            self._sink = _ItemSender(self.progress_token, self._flow)

    @property
    @override
    def flow(self) -> FlowControl:
        return self._flow

    def run_in_turns(self, notify: Notify) -> Generator[None, None, bytes]:
        """Run a plain generator in turns; return the response.

        It yields when the client must read first, and at the end of each turn. The next turn may
        run on any thread, in the same context, one turn at a time. It raises nothing.
        """
        self._sink.notify = notify
        try:
            with self._call_context(notify):
                return write_response(self.id, (yield from self._run()))
        except ANY_EXCEPTION as error:
            if is_requested(error):
                raise
            return self.refuse(error)

    @override
    async def run_async(self, notify: Notify) -> bytes:
        self._sink.notify = notify
        return await super().run_async(notify)

    @override
    def progress_listener(self, progress_token: RequestId, notify: Notify) -> ProgressListener:
        return self._sink.report or super().progress_listener(progress_token, notify)

    @override
    def steps(self) -> Steps[bytes]:
        return self._call_hook(self._yield_async)

    def _run(self) -> Generator[None, None, bytes]:
        return self._call_hook(self._send)

    def _yield_async(self, items_or_error: Any) -> Generator[Any, Any]:
        yield self._send_async(items_or_error)

    def _call_hook(self, send: Callable[[Any], Generator[Any, Any]]) -> Generator[Any, Any, bytes]:
        """Call the hook, send its items, and return the result."""
        tool, request = self._stream_tool, self._request
        if request.headers is not None:
            self.check_headers(tool, request.headers)
        responder = ToolResponder(tool, self._toolbox, request.head, text=self._text)
        try:
            yield from send(tool.invoke(tool.load(request.params.arguments)))
            return self._sink.end(request.head)
        except PLUGIN_EXCEPTIONS as error:
            return responder.error_result(error)

    def _send(self, items_or_error: Any) -> Generator[None]:
        if is_async_iterator(items_or_error):
            raise TypeError("returned an asynchronous iterator: write it as 'async def'")
        items = iterator_of(items_or_error)
        dump, flow = self._stream_tool.hook.output.dump, self.flow
        deadline = time.monotonic() + _MAX_TURN
        try:
            for item in items:
                self._sink.put(dump(item))
                if flow.is_full or (self._sink.streams and time.monotonic() > deadline):
                    yield
                    deadline = time.monotonic() + _MAX_TURN
                if flow.ended:
                    break
        finally:
            with self._masking_close_errors():
                getattr(items, "close", _do_nothing)()
        self._raise_if_stalled()

    def _raise_if_stalled(self) -> None:
        """Raise `HookError` if the stream has ended because its client reads nothing."""
        if self.flow.stalled:
            waited = f"the client has read nothing for {self.flow.timeout:g} s"
            raise HookError(
                "stream_stalled",
                f"{self._stream_tool.hook.name}: {waited}; MCP_STREAM_TIMEOUT_SEC sets the limit",
            )

    async def _send_async(self, items_or_error: Any) -> None:
        if not is_async_iterator(items_or_error):
            raise TypeError("did not return an asynchronous iterator: a stream hook yields items")
        dump = self._stream_tool.hook.output.dump
        try:
            async for item in items_or_error:
                self._sink.put(dump(item))
                await self._turn_queue.wait_turn()
                await self.flow.wait()
                self._raise_if_stalled()
        finally:
            with self._masking_close_errors():
                close = getattr(items_or_error, "aclose", None)
                if close is not None:
                    await close()

    @contextmanager
    def _masking_close_errors(self) -> Generator[None]:
        """Log what a generator raises when it is closed; do not raise it."""
        try:
            yield
        except PLUGIN_EXCEPTIONS as error:
            self._toolbox.mask_exception(error, self._stream_tool.hook.name)


class _ItemSender:
    """Sends each item in its own message, numbered together with the progress reports."""

    streams = True

    def __init__(self, progress_token: RequestId, flow: FlowControl) -> None:
        self.notify: Notify = _drop
        self._progress_token = progress_token
        self._flow = flow
        self._number = 0
        self._items = 0
        self._lock = lock(Rank.CONNECTION)

    def put(self, item: bytes) -> None:
        """Send an item, as JSON."""
        self._items += 1
        with self._lock:
            self._number += 1
            self._send(write_stream_item(self._progress_token, self._number, item))

    def report(self, progress: float, total: float | None, message: str) -> None:
        """Send a progress report of the hook."""
        with self._lock:
            self._number += 1
            report = HookReport(progress, total, message)
            self._send(write_stream_report(self._progress_token, self._number, report))

    def end(self, head: ResultPrefix) -> bytes:
        """Return the result, once all items have been sent."""
        return write_stream_end(self._items, head)

    def _send(self, message: bytes) -> None:
        self._flow.add_sent(len(message))
        self.notify(message)


class _ItemCollector:
    """Collects the items for one result."""

    streams = False
    """The generator keeps its thread, so that only few streams collect items at a time."""
    report: None = None
    """Progress reports are sent as for plain hooks."""

    def __init__(self, tool: Tool, *, text: bool) -> None:
        self.notify: Notify = _drop
        self._tool = tool
        self._text = text
        self._items: list[bytes] = []
        self._size = 0

    def put(self, item: bytes) -> None:
        """Keep an item, as JSON; raise `HookError` if the items are too long in total."""
        self._items.append(item)
        self._size += len(item)
        if self._size > _MAX_COLLECTED_BYTES:
            limit = f"more than {_MAX_COLLECTED_BYTES} bytes of items; this client reads no streams"
            raise HookError("stream_too_long", f"{self._tool.hook.name}: {limit}")

    def end(self, head: ResultPrefix) -> bytes:
        """Return the result with all items."""
        output = b"[%b]" % b",".join(self._items)
        return write_result(self._tool.hook, output, head, is_object=False, text=self._text)


def _drop(_message: bytes) -> None:
    """Discard a message of a call that has not begun."""


def _do_nothing() -> None:
    """Do nothing: an iterator that is not a generator has no `close`."""
