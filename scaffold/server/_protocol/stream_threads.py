"""The threads of plain generators. None of these threads waits for a client.

A generator keeps its thread for one turn at most, and only while its client keeps up. Then the
thread runs the next stream, and the generator continues later, perhaps on another thread. So a
client that does not read holds no thread. Plain hooks have other threads.
"""

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import Context
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from scaffold._concurrency.locks import Rank, lock
from scaffold.contract._errors.masking import ANY_EXCEPTION
from scaffold.server._protocol.backpressure import FlowControl
from scaffold.server._protocol.calls import Notify, no_thread
from scaffold.server._protocol.streams import StreamCall

_MAX_THREADS: Final = 64
"""Threads at most, while generators wait for something other than their clients."""
_SCALE_UP_INTERVAL: Final = 0.02
"""Seconds without a new turn after which another thread is started, if streams are ready."""
_IDLE_SHARE: Final = 0.5
"""Another thread is started only if the processor was idle for this part of the interval."""
_MAX_WAIT: Final = 1.0
"""Seconds without a new turn after which another thread is started in any case."""
_CHECK_INTERVAL: Final = 0.25
"""Seconds between two checks of the timeouts of blocked streams."""


class _Stream:
    """A stream in flight: its generator, its context variables, and the callback for its end."""

    def __init__(self, call: StreamCall, notify: Notify, on_end: Callable[[bytes], object]) -> None:
        self.flow: FlowControl = call.flow
        self._turns: Generator[None, None, bytes] = call.run_in_turns(notify)
        self._context = Context()
        self._refuse = call.refuse
        self._on_end = on_end

    def refuse(self) -> None:
        """End the stream, which has not begun, with an error."""
        self._on_end(self._refuse(no_thread()))

    def advance(self) -> bool:
        """Take one turn on this thread; return whether there are more."""
        try:
            self._context.run(next, self._turns)
        except StopIteration as end:
            self._on_end(end.value)
            return False
        except ANY_EXCEPTION as error:
            self._on_end(self._refuse(error))
            return False
        return True


class StreamPool:
    """Runs the plain generators of one server.

    One thread runs while generators compute: a second one would do no more work in the same time,
    and a thread that computes keeps the interpreter from the event loop for 5 ms after each of the
    loop's system calls. More threads are started while generators wait, which leaves the processor
    idle.
    """

    def __init__(self) -> None:
        self._lock = lock(Rank.THREADS)
        self._ready: SimpleQueue[_Stream] = SimpleQueue()
        """The streams that are ready for a thread."""
        self._blocked: set[_Stream] = set()
        """The streams that may wait for their clients; their timeouts are checked."""
        self._threads = 0
        self._turns = 0
        """The number of turns that have begun. Increments may be lost: only a change matters."""
        self._watching = False

    def start(self, call: StreamCall, notify: Notify, on_end: Callable[[bytes], object]) -> None:
        """Run a call to its end; `on_end` gets the response, on one of the threads."""
        self._enqueue(_Stream(call, notify, on_end))

    def _enqueue(self, stream: _Stream) -> None:
        self._ready.put(stream)
        with self._lock:
            self._blocked.discard(stream)
            start_thread = self._threads < 1
            self._threads += start_thread
        if start_thread and not self._start_thread(self._work):
            self._refuse_all()
        self._ensure_watcher(None)

    def _refuse_all(self) -> None:
        """Refuse what is ready: there is no thread, and none can be started."""
        with self._lock:
            self._threads -= 1
        with suppress(Empty):
            while True:
                self._ready.get_nowait().refuse()

    def _start_thread(self, work: Callable[[], None]) -> bool:
        """Start a thread; return whether that was possible."""
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
            del stream  # do not keep an ended stream alive until the next one comes

    def _ensure_watcher(self, stream: _Stream | None) -> None:
        """Add a stream to those that may be blocked, and start the watcher if none runs."""
        with self._lock:
            if stream is not None:
                self._blocked.add(stream)
            start_watcher, self._watching = not self._watching, True
        if start_watcher and not self._start_thread(self._watch):
            self._watching = False  # the next stream tries again

    def _watch(self) -> None:
        """End streams that exceed their timeout, and start threads for streams that are ready."""
        seen, last_turn = -1, time.monotonic()
        while True:
            waiting = not self._ready.empty()
            began, cpu = time.monotonic(), time.process_time()
            time.sleep(_SCALE_UP_INTERVAL if waiting else _CHECK_INTERVAL)
            now, worked = time.monotonic(), time.process_time() - cpu
            if not waiting or seen != self._turns:
                last_turn = now
            is_idle = worked < (1 - _IDLE_SHARE) * (now - began)
            with self._lock:
                blocked = tuple(self._blocked)
                if not blocked and self._ready.empty():
                    self._watching = False
                    return
                add_thread = (
                    last_turn != now
                    and (is_idle or now - last_turn > _MAX_WAIT)
                    and self._threads < _MAX_THREADS
                )
                self._threads += add_thread
            seen = self._turns
            if add_thread and not self._start_thread(self._work):
                with self._lock:
                    self._threads -= 1
            for stream in blocked:
                stream.flow.check_timeout()
