"""Work that no caller waits for: calls of plugins, in order for each of them, and periodic work."""

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.contract._errors.masking import ANY_EXCEPTION
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import ThreadUnavailable, WorkRefused
from scaffold.host._concurrency.waiting import wait_until

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

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
"""Seconds for which periodic work that is at it is awaited."""

Periodic: TypeAlias = tuple[float, Callable[[], T]]
"""The pause in seconds, and what is done after each pause. It raises nothing."""


class PeriodicThreads:
    """Threads that repeat work after pauses. A fork has none."""

    def __init__(self) -> None:
        self._forget()
        reset_after_fork(self._forget)

    def start(self, works: Callable[[], Iterable[Periodic[None]]]) -> None:
        """Start a thread for each work, unless there are threads."""
        with self._lock:
            if not self._threads:
                for pause, work in works():
                    self._repeat(pause, work)

    def end(self) -> None:
        """Have the threads end after what they do."""
        for _, ended in self._threads:
            ended.put(None)

    def join(self) -> None:
        """Wait for their end, for a bounded time."""
        for thread, _ in self._threads:
            if thread is not threading.current_thread():
                thread.join(_ENDING)

    def _repeat(self, pause: float, work: Callable[[], None]) -> None:
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

    def _forget(self) -> None:
        # A signal handler may close the host while the code above starts threads.
        self._lock = reentrant_lock(Rank.HOST)
        self._threads: list[tuple[threading.Thread, SimpleQueue[None]]] = []


class PeriodicTasks:
    """Tasks that repeat work after pauses. A fork has none."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        reset_after_fork(self._forget)

    def start(self, works: Callable[[], Iterable[Periodic[Awaitable[None]]]]) -> None:
        """Start a task for each work, unless there are tasks."""
        import asyncio

        if not self._tasks:
            self._tasks = [asyncio.create_task(_repeat(*periodic)) for periodic in works()]

    def end(self) -> None:
        """Cancel the tasks, but not the one that calls this."""
        for task in self._others():
            task.cancel()

    async def join(self) -> None:
        """Wait for their end, for a bounded time."""
        import asyncio

        if tasks := self._others():
            await asyncio.wait(tasks, timeout=_ENDING)

    def _others(self) -> "list[asyncio.Task[None]]":
        import asyncio

        return [task for task in self._tasks if task is not asyncio.current_task()]

    def _forget(self) -> None:
        self._tasks = []


async def _repeat(pause: float, work: Callable[[], Awaitable[None]]) -> None:
    import asyncio

    while True:
        await asyncio.sleep(pause)
        await work()
