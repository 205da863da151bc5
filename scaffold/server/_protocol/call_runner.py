"""The calls in flight of an event loop: `async` hooks run as tasks, plain hooks on threads."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from scaffold.contract._hooks.hook import MaybeAwaitable
from scaffold.server._protocol.calls import Call, Notify, no_thread
from scaffold.server._protocol.hook_steps import await_if_needed
from scaffold.server._protocol.stream_threads import StreamPool
from scaffold.server._protocol.streams import StreamCall

_MAX_THREADS: Final = 64


class CallRunner:
    """Runs calls from the running event loop, and keeps those in flight."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.executor = ThreadPoolExecutor(_MAX_THREADS, "hook")
        self._streams = StreamPool()
        self.running: dict[Call, asyncio.Task[Any]] = {}
        """Call → the task that responds to it."""

    async def run(self, call: Call, notify: Notify) -> bytes:
        """Run a call in the loop, on a thread or as a stream; return its response."""
        if call.is_async:
            return await call.run_async(notify)
        if call.is_fast:
            return _run_timed(call, notify)
        if isinstance(call, StreamCall):
            return await self._stream(call, notify)
        try:
            running = self.loop.run_in_executor(self.executor, _run_if_wanted, call, notify)
        except RuntimeError:
            call.cancel()
            return call.refuse(no_thread())
        return await running

    async def _stream(self, call: StreamCall, notify: Notify) -> bytes:
        future: asyncio.Future[bytes] = self.loop.create_future()

        def on_end(response: bytes) -> None:
            with suppress(RuntimeError):  # the loop has ended before the stream
                self.loop.call_soon_threadsafe(_set_result, future, response)

        self._streams.start(call, notify, on_end)
        return await future

    def run_if_fast(self, call: Call) -> bytes | None:
        """Run a call of a fast function without progress here; return `None` for any other call."""
        return _run_timed(call, _ignore) if call.is_fast and call.progress_token is None else None

    def start(self, call: Call, work: Coroutine[Any, Any, None]) -> None:
        """Start the task that responds to a call."""
        if sys.version_info >= (3, 12):
            # It runs at once until it first waits, which saves fast hooks two turns of the loop.
            task = asyncio.Task(work, loop=self.loop, eager_start=True)
        else:
            task = self.loop.create_task(work)
        if not task.done():
            self.running[call] = task
            task.add_done_callback(lambda _task: self.running.pop(call, None))

    def cancel(self, call: Call) -> None:
        """Cancel a call. A hook on a thread runs on, and its response is discarded."""
        call.cancel()
        task = self.running.get(call)
        if task is not None:
            task.cancel()

    def drain(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the calls in flight. Do not call it in the loop."""
        self._run_in_loop(self._drain(), timeout)

    async def _drain(self) -> None:
        if self.running:
            await asyncio.wait(list(self.running.values()))

    def tear_down(self, work: Callable[[], MaybeAwaitable[None]]) -> None:
        """Tear the plugin down in its event loop. Do not call it in the loop."""
        self._run_in_loop(_tear_down(work), None)

    def _run_in_loop(self, work: Coroutine[Any, Any, None], timeout: float | None) -> None:
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            future.result(timeout)
        except TimeoutError:
            future.cancel()


def _run_if_wanted(call: Call, notify: Notify) -> bytes:
    """Run a call on a thread, unless it was cancelled or refused while it waited for one."""
    return b"" if call.cancelled else _run_timed(call, notify)


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
    """Discard a progress message: the client did not ask for it."""


async def _tear_down(work: Callable[[], MaybeAwaitable[None]]) -> None:
    await await_if_needed(work())
