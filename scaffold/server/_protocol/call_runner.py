"""The calls under way in an event loop: `async` hooks as tasks, plain ones on threads."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from scaffold.contract._hooks.hook import MaybeAwaitable
from scaffold.server._plugin.hook_steps import await_if_needed
from scaffold.server._protocol.stream_threads import StreamPool
from scaffold.server._protocol.streams import StreamCall
from scaffold.server._protocol.tool_calls import Call, Notify

__all__ = ["CallRunner"]

_MAX_THREADS: Final = 64


class CallRunner:
    """Runs calls in the running event loop, and knows which are not finished."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.executor = ThreadPoolExecutor(_MAX_THREADS, "hook")
        self._streams = StreamPool()
        self.running: dict[Call, asyncio.Task[Any]] = {}
        """Each call and the task that it will be answered by."""

    async def run(self, call: Call, notify: Notify) -> bytes:
        """Run a call where it belongs and return its response."""
        if call.is_async:
            return await call.run_async(notify)
        if call.is_fast:
            return _run_timed(call, notify)
        if isinstance(call, StreamCall):
            return await self._stream(call, notify)
        return await self.loop.run_in_executor(self.executor, _run_timed, call, notify)

    async def _stream(self, call: StreamCall, notify: Notify) -> bytes:
        future: asyncio.Future[bytes] = self.loop.create_future()

        def on_end(response: bytes) -> None:
            with suppress(RuntimeError):  # the loop has ended before the stream
                self.loop.call_soon_threadsafe(_set_result, future, response)

        self._streams.start(call, notify, on_end)
        return await future

    def run_if_fast(self, call: Call) -> bytes | None:
        """Run a call of a quick function that reports to nobody; return `None` for any other."""
        return _run_timed(call, _ignore) if call.is_fast and call.progress_token is None else None

    def start(self, call: Call, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that answers a call."""
        if sys.version_info >= (3, 12):
            # Runs at once until it first waits: two turns of the loop less for quick hooks.
            task = asyncio.Task(work, loop=self.loop, eager_start=True)
        else:
            task = self.loop.create_task(work)
        if not task.done():
            self.running[call] = task
            task.add_done_callback(lambda _task: self.running.pop(call, None))

    def cancel(self, call: Call) -> None:
        """Give a call up. What runs on a thread runs on, unheard."""
        call.cancel()
        task = self.running.get(call)
        if task is not None:
            task.cancel()

    def drain(self, timeout: float) -> None:
        """Wait for the calls under way, but no longer than `timeout` seconds. Not for the loop."""
        self._run_in_loop(self._drain(), timeout)

    async def _drain(self) -> None:
        if self.running:
            await asyncio.wait(list(self.running.values()))

    def tear_down(self, work: Callable[[], MaybeAwaitable[None]]) -> None:
        """End the plugin in the loop that it has lived in. Not for the loop itself."""
        self._run_in_loop(_tear_down(work), None)

    def _run_in_loop(self, work: Coroutine[Any, Any, None], timeout: float | None) -> None:
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            future.result(timeout)
        except TimeoutError:
            future.cancel()


def _run_timed(call: Call, notify: Notify) -> bytes:
    began = time.perf_counter()
    response = call.run(notify)
    if call.speed is not None:
        call.speed.record(time.perf_counter() - began)
    return response


def _set_result(future: "asyncio.Future[bytes]", response: bytes) -> None:
    if not future.done():
        future.set_result(response)


def _ignore(_message: bytes) -> None:
    """Drop a report: nobody asked for it."""


async def _tear_down(work: Callable[[], MaybeAwaitable[None]]) -> None:
    await await_if_needed(work())
