"""Work that no caller waits for: calls of plugins, in order for each of them, and periodic work."""

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from scaffold._concurrency.forks import reset_after_fork
from scaffold.contract._errors.masking import ANY_EXCEPTION
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import ThreadUnavailable, WorkRefused
from scaffold.host._concurrency.waiting import wait_until

if TYPE_CHECKING:
    import asyncio


Call: TypeAlias = Callable[[Any], Any]

MAX_WAITING: Final = 10_000
"""Calls that may wait for one plugin; what comes on top of them is dropped, and logged."""
_WORKERS: Final = 1_000
"""Plugins that are called at once: one that hangs takes no thread from another."""


class _PluginQueue:
    """The calls of one plugin, in order. One thread at a time makes them."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.calls: deque[tuple[contextvars.Context, Call, Any]] = deque()
        self._turn: deque[None] = deque([None])
        """Empty while a thread delivers. It is not a lock, because none waits for it."""
        self._thread = 0
        """The identifier of that thread."""

    @property
    def delivers(self) -> bool:
        """True while a thread makes calls; it looks for more before it ends."""
        return not self._turn

    @property
    def busy(self) -> bool:
        """True while calls wait or are made, but for a call that asks this itself."""
        return bool(self.calls) or (self.delivers and self._thread != threading.get_ident())

    def deliver(self) -> None:
        """Make the calls, unless another thread does: it looks again after its last one."""
        while self.calls:
            try:
                self._turn.pop()
            except IndexError:
                return
            try:
                self._thread = threading.get_ident()
                self._deliver()
            finally:
                self._thread = 0
                self._turn.append(None)

    def _deliver(self) -> None:
        while self.calls:
            try:
                context, call, payload = self.calls.popleft()
            except IndexError:  # they have been dropped
                return
            try:
                context.run(call, payload)
            except ANY_EXCEPTION as error:
                logging.getLogger(f"plugin.{self.plugin}").warning(
                    "plugin=%s error=%s", self.plugin, error
                )


class BackgroundCalls:
    """Makes calls in threads of its own.

    Any thread may use it, a signal handler included: nothing in `send` waits for a lock that the
    interrupted code may hold. What waits in a parent process is not sent by a fork.
    """

    def __init__(self) -> None:
        self._threads = ThreadPool("plugin-notify", _WORKERS)
        self._boxes: dict[str, _PluginQueue] = {}
        reset_after_fork(self._boxes_of_a_fork)

    def send(self, plugin: str, call: Call, payload: Any) -> None:
        """Have a plugin called, after what was sent to it before. Raises nothing."""
        box = self._boxes.get(plugin)
        if box is None:
            box = self._boxes.setdefault(plugin, _PluginQueue(plugin))
        if len(box.calls) >= MAX_WAITING:
            self._report(plugin, f"a notification is dropped, {len(box.calls)} are waiting")
            return
        box.calls.append((contextvars.copy_context(), call, payload))
        if box.delivers:
            return
        try:
            self._threads.do(box.deliver)
        except WorkRefused:
            box.calls.clear()
            self._report(plugin, "a notification is dropped, the host is closed")
        except ThreadUnavailable as error:
            self._report(plugin, f"a notification waits for the next one: {error}")

    def close(self, seconds: float) -> None:
        """Wait until everything is delivered, or time is up; drop the rest. May be repeated."""
        boxes = list(self._boxes.values())
        wait_until(lambda: not any(box.busy for box in boxes), seconds)
        self._threads.close()
        for box in list(self._boxes.values()):
            box.calls.clear()

    def _report(self, plugin: str, why: str) -> None:
        logging.getLogger(f"plugin.{plugin}").error("plugin=%s error=%s", plugin, why)

    def _boxes_of_a_fork(self) -> None:
        self._boxes = {}


class BackgroundTasks:
    """Tasks whose result is not awaited, until the host is closed."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False
        reset_after_fork(self._tasks_of_a_fork)

    def begin(self, work: Any) -> None:
        """Start a coroutine; once the host is closed, it is dropped."""
        import asyncio

        if self._closed:
            work.close()
            return
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self, seconds: float) -> None:
        """Wait until all have ended, or time is up; cancel the rest, and wait for that."""
        import asyncio

        others = self._running - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=seconds)
        self._closed = True
        late = self._running - {asyncio.current_task()}
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=seconds)

    def _tasks_of_a_fork(self) -> None:
        self._running = set()


_ENDING: Final = 5.0
"""Seconds for which a thread that is at work is awaited."""


class PeriodicWork:
    """Threads that repeat work after pauses. A fork has none."""

    def __init__(self) -> None:
        self._threads: list[tuple[threading.Thread, SimpleQueue[None]]] = []
        reset_after_fork(self._forget)

    def __bool__(self) -> bool:
        return bool(self._threads)

    def repeat(self, pause: float, work: Callable[[], None]) -> None:
        """Do work again and again; `pause` is in seconds. It raises nothing."""
        # A queue and not an event: a signal handler may close the host while the code below does.
        ended: SimpleQueue[None] = SimpleQueue()

        def run() -> None:
            while True:
                try:
                    ended.get(timeout=pause)
                except Empty:
                    work()
                else:
                    return

        thread = threading.Thread(target=run, name="plugin-watch", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            logging.getLogger("scaffold").warning(
                "plugins are not looked after until the next start or load: %s", error
            )
            return
        self._threads.append((thread, ended))

    def end(self) -> None:
        """Have the threads end after what they do."""
        for _, ended in self._threads:
            ended.put(None)

    def join(self) -> None:
        """Wait for their end, for a bounded time."""
        for thread, _ in self._threads:
            if thread is not threading.current_thread():
                thread.join(_ENDING)

    def _forget(self) -> None:
        self._threads = []
