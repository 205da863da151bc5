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
from scaffold.server._protocol.backpressure import Flow
from scaffold.server._protocol.streams import StreamCall
from scaffold.server._protocol.tool_calls import Notify

__all__ = ["StreamPool"]

_FEW_THREADS: Final = 4
"""Generators that are at work at the same time; more take turns."""
_MOST_THREADS: Final = 64
"""The same, where generators wait for something else than their clients."""
_TICK: Final = 0.02
"""Seconds without a turn after which another thread is started, if streams wait for one."""
_GLANCE: Final = 0.25
"""Seconds between two looks at how long the streams that are held up have been so."""


class _Stream:
    """A stream under way: its generator, the variables of its context, and who gets its end."""

    def __init__(self, call: StreamCall, notify: Notify, done: Callable[[bytes], object]) -> None:
        self.flow: Flow = call.flow
        self._turns: Generator[None, None, bytes] = call.turns(notify)
        self._context = Context()
        self._done = done

    def advance(self) -> bool:
        """Take a turn on this thread; tell whether there are more."""
        try:
            self._context.run(next, self._turns)
        except StopIteration as end:
            self._done(end.value)
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
        self._held: set[_Stream] = set()
        """The streams that may wait for their clients."""
        self._threads = 0
        self._turns = 0
        """The turns that have begun."""
        self._watching = False

    def start(self, call: StreamCall, notify: Notify, done: Callable[[bytes], object]) -> None:
        """Run a call to its end; `done` gets the response, on one of the threads."""
        self._go_on(_Stream(call, notify, done))

    def _go_on(self, stream: _Stream) -> None:
        self._ready.put(stream)
        with self._lock:
            self._held.discard(stream)
            few = self._threads < _FEW_THREADS
            self._threads += few
        if few:
            self._begin(self._work)
        self._watch_over(None)

    def _begin(self, work: Callable[[], None]) -> bool:
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
                self._watch_over(stream)
                stream.flow.when_room(partial(self._go_on, stream))
            del stream  # what has ended is not kept until the next one comes

    def _watch_over(self, stream: _Stream | None) -> None:
        """Have somebody look at a stream that may be held up, and at those that wait."""
        with self._lock:
            if stream is not None:
                self._held.add(stream)
            begin, self._watching = not self._watching, True
        if begin and not self._begin(self._watch):
            self._watching = False  # the next stream tries again

    def _watch(self) -> None:
        """End what its client does not read, and find threads for what waits for one."""
        seen = -1
        while True:
            waiting = not self._ready.empty()
            time.sleep(_TICK if waiting else _GLANCE)
            with self._lock:
                held = tuple(self._held)
                if not held and self._ready.empty():
                    self._watching = False
                    return
                more = waiting and seen == self._turns and self._threads < _MOST_THREADS
                self._threads += more
            seen = self._turns
            if more and not self._begin(self._work):
                self._threads -= 1
            for stream in held:
                stream.flow.expire()
