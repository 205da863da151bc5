"""The threads of plain generators, none of which waits for a client.

A generator keeps its thread while its client keeps up, at most for a turn. Then the next stream has
it, and the generator goes on later, perhaps on another thread. So clients that read nothing hold no
threads, and none of those that plain hooks run on.
"""

import time
from collections.abc import Callable, Generator
from contextvars import Context
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Final

from scaffold._concurrency.locks import Rank, lock
from scaffold.server._protocol.backpressure import FlowControl
from scaffold.server._protocol.streams import StreamCall
from scaffold.server._protocol.tool_calls import Notify

__all__ = ["StreamPool"]

_BASE_THREADS: Final = 4
"""Generators that are at work at the same time; more take turns."""
_MAX_THREADS: Final = 64
"""The same, where generators wait for something else than their clients."""
_SCALE_UP_INTERVAL: Final = 0.02
"""Seconds without a turn after which another thread is started, if streams wait for one."""
_CHECK_INTERVAL: Final = 0.25
"""Seconds between two looks at how long the streams that are held up have been so."""


class _Stream:
    """A stream under way: its generator, the variables of its context, and who gets its end."""

    def __init__(self, call: StreamCall, notify: Notify, on_end: Callable[[bytes], object]) -> None:
        self.flow: FlowControl = call.flow
        self._turns: Generator[None, None, bytes] = call.run_in_turns(notify)
        self._context = Context()
        self._on_end = on_end

    def advance(self) -> bool:
        """Take a turn on this thread; tell whether there are more."""
        try:
            self._context.run(next, self._turns)
        except StopIteration as end:
            self._on_end(end.value)
            return False
        return True


class StreamPool:
    """Runs the plain generators of one server.

    A few threads do the work, since each that computes takes its share of the interpreter from the
    plain hooks. More are started while all of them wait inside generators.
    """

    def __init__(self) -> None:
        self._lock = lock(Rank.THREADS)
        self._ready: SimpleQueue[_Stream] = SimpleQueue()
        """The streams that wait for a thread."""
        self._blocked: set[_Stream] = set()
        """The streams that may wait for their clients."""
        self._threads = 0
        self._turns = 0
        """The turns that have begun."""
        self._watching = False

    def start(self, call: StreamCall, notify: Notify, on_end: Callable[[bytes], object]) -> None:
        """Run a call to its end; `on_end` gets the response, on one of the threads."""
        self._enqueue(_Stream(call, notify, on_end))

    def _enqueue(self, stream: _Stream) -> None:
        self._ready.put(stream)
        with self._lock:
            self._blocked.discard(stream)
            start_thread = self._threads < _BASE_THREADS
            self._threads += start_thread
        if start_thread:
            self._start_thread(self._work)
        self._ensure_watcher(None)

    def _start_thread(self, work: Callable[[], None]) -> bool:
        """Start a thread; tell whether that was possible."""
        try:
            Thread(target=work, name="streams", daemon=True).start()
        except RuntimeError:
            return False
        return True

    def _work(self) -> None:
        while True:
            stream = self._ready.get()
            self._turns += 1
            if stream.advance():
                self._ensure_watcher(stream)
                stream.flow.call_when_room(partial(self._enqueue, stream))
            del stream  # what has ended is not kept until the next one comes

    def _ensure_watcher(self, stream: _Stream | None) -> None:
        """Have somebody look at a stream that may be held up, and at those that wait."""
        with self._lock:
            if stream is not None:
                self._blocked.add(stream)
            start_watcher, self._watching = not self._watching, True
        if start_watcher and not self._start_thread(self._watch):
            self._watching = False  # the next stream tries again

    def _watch(self) -> None:
        """End what its client does not read, and find threads for what waits for one."""
        seen = -1
        while True:
            waiting = not self._ready.empty()
            time.sleep(_SCALE_UP_INTERVAL if waiting else _CHECK_INTERVAL)
            with self._lock:
                blocked = tuple(self._blocked)
                if not blocked and self._ready.empty():
                    self._watching = False
                    return
                add_thread = waiting and seen == self._turns and self._threads < _MAX_THREADS
                self._threads += add_thread
            seen = self._turns
            if add_thread and not self._start_thread(self._work):
                self._threads -= 1
            for stream in blocked:
                stream.flow.check_timeout()
