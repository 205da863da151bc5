"""The queue of threads that wait for responses. The first one reads for all.

See `scaffold._concurrency.signal_safety` and decision 27.
"""

import threading
import time
import weakref
from collections.abc import Callable
from operator import attrgetter
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import Final

from typing_extensions import override

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._concurrency.signal_safety import Waiter, thread_id_of, wake_first
from scaffold.client._process.descriptors import poller_for
from scaffold.client._process.launch import Launch
from scaffold.client._process.process import run_steps
from scaffold.client._protocol.session import ProtocolSession
from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.client._stdio.connection.response_router import Response, WatchedRead
from scaffold.client._stdio.connection.transport import (
    CRASH_GRACE_PERIOD,
    LIVENESS_INTERVAL,
    NotSent,
)
from scaffold.contract._errors.errors import ConnectFailed, PeerCrashed, TransportError

CHECK_INTERVAL: Final = 0.25
"""Seconds between two checks. A read blocks for one or two of them."""
_MAX_IDLE_CHECKS: Final = 80
"""The thread ends after this number of checks without a read in progress."""


class ReadWatchdog:
    """Checks all registered reads, in a thread that runs while calls are made."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start without a thread: a fork does not inherit the thread of its parent."""
        self._reads: weakref.WeakSet[WatchedRead] = weakref.WeakSet()
        self._lock = reentrant_lock(Rank.GLOBAL)
        self._stop = False
        self.is_idle = True
        """True if no thread checks. A reader looks at it after it has set `request_id`."""

    def add(self, watched_read: WatchedRead) -> None:
        """Register a read. The reference is weak."""
        with self._lock:
            self._reads.add(watched_read)

    def remove(self, watched_read: WatchedRead) -> None:
        """Remove a read; the thread ends if it was the last one."""
        with self._lock:
            self._reads.discard(watched_read)
            self._stop = not self._reads

    def ensure_running(self) -> bool:
        """Start the thread if it is not running; return whether it runs."""
        with self._lock:
            if self.is_idle:
                try:
                    # The new thread waits for the lock before it does anything.
                    threading.Thread(target=self._run, name="watch", daemon=True).start()
                except RuntimeError:
                    return False
                self.is_idle = self._stop = False
        return True

    def _run(self) -> None:
        before: dict[WatchedRead, int] = {}
        idle_checks = 0
        while not self._done(idle_checks):
            time.sleep(CHECK_INTERVAL)
            now = self._reads_in_progress()
            for watched_read in now:
                if before.get(watched_read) == now[watched_read]:
                    watched_read.interrupt()
            idle_checks = 0 if now else idle_checks + 1
            before = now

    def _reads_in_progress(self) -> dict[WatchedRead, int]:
        """Return the reads in progress, each with its request."""
        with self._lock:
            reads = tuple(self._reads)
        return {each: request_id for each in reads if (request_id := each.request_id)}

    def _done(self, idle_checks: int) -> bool:
        """Return whether the thread can end."""
        with self._lock:
            if idle_checks <= _MAX_IDLE_CHECKS and not self._stop:
                return False
            self.is_idle = True
            # A reader that set `request_id` before the line above did not see an idle watchdog.
            self.is_idle = not any(map(attrgetter("request_id"), self._reads))
            self._stop = False
            return self.is_idle


WATCHDOG: Final = ReadWatchdog()
"""The watchdog of this process."""
reset_after_fork(WATCHDOG.reset)


_TICK: Final = int(LIVENESS_INTERVAL * 1000)
_CROWDED_INTERVAL: Final = 0.02
"""Seconds between checks of the own response, while another thread reads and this one writes."""


class SharedReading(Connection):
    """A connection on which threads take turns at reading."""

    def __init__(self, launch: Launch, session: ProtocolSession, limit: int) -> None:
        super().__init__(launch, session, limit)
        self._readable = poller_for(read=(self.process.stdout,))
        self._blocks = self.process.enable_blocking_reads()
        self._lent_slots: dict[int, SimpleQueue[Response]] = {}
        """Slots of fast calls that a signal handler has interrupted, and may read for."""
        WATCHDOG.add(self._watched_read)

    def _not_sent(self) -> NotSent:
        self.crash()
        assert self.end is not None
        return NotSent(str(self.end()))

    def _wait(self, slot: "SimpleQueue[Response]", deadline: float, left: float) -> Response:
        """Return the response; `None` after `left` seconds, at `deadline`."""
        readers, turn = self.turns, Waiter(slot.put)
        try:
            readers.append(turn)
            # Not a loop: Python 3.13 does not protect the jump back of a loop at the end of a
            # `try`.
            answer = self._read_or_wait(slot, turn, deadline, left)
        finally:
            first = readers[0] is turn
            readers.remove(turn)
            if first and readers:
                wake_first(readers)
        return answer

    def _read_or_wait(
        self, slot: "SimpleQueue[Response]", turn: Waiter, deadline: float, left: float
    ) -> Response:
        """Wait for the response, with a turn in the queue."""
        answer: Response = None
        readers = self.turns
        while answer is None and left > 0:
            if readers[0] is turn:
                answer = self._read_for_all(slot, turn, deadline, left)
            elif thread_id_of(readers[0]) == turn.thread:
                answer = self._read_for_frame_below(slot, turn, deadline, left)
            else:
                answer = self._wait_for_reader(slot, turn, left)
            if answer is None:
                left = deadline - time.monotonic()
        return answer

    def _wait_for_reader(
        self, slot: "SimpleQueue[Response]", turn: Waiter, left: float
    ) -> Response:
        """Wait while another thread reads."""
        wait_seconds = LIVENESS_INTERVAL
        if self.write_queue.unsent:
            self.flush()
            wait_seconds = _CROWDED_INTERVAL
        turn.sleeps = True
        answer = take(slot, min(left, wait_seconds))
        turn.sleeps = False
        return answer

    def _read_for_all(
        self, slot: "SimpleQueue[Response]", turn: Waiter, deadline: float, left: float
    ) -> Response:
        """Read and deliver for all threads, until the own response is there."""
        # A poll object of its own: a signal handler may read while the frame below it polls.
        readable = poller_for(read=(self.process.stdout,))
        either = poller_for(read=(self.process.stdout,), write=(self.process.stdin,))
        self.take()  # an interrupted thread may have left it undelivered
        while left > 0:
            while not slot.empty():
                answer = slot.get_nowait()
                if answer is not None:
                    return answer
            if self.end is not None:
                return self.end()
            poller = either if self.write_queue.unsent else readable
            turn.sleeps = True
            ready = poller.poll(_TICK if left > LIVENESS_INTERVAL else left * 1000)
            turn.sleeps = False
            if ready:
                if poller is either:
                    self.flush()
                # A read may block if only the input is ready.
                if (poller is readable or readable.poll(0)) and self.read():
                    self.take()
                if not slot.empty():
                    continue
            elif self.process.exited() and not readable.poll(0):
                self.crash()
            left = deadline - time.monotonic()
        return None

    def _read_for_frame_below(
        self, slot: "SimpleQueue[Response]", turn: Waiter, deadline: float, left: float
    ) -> Response:
        """Read instead of a frame of this thread that a signal handler has interrupted."""
        number = self._watched_read.request_id
        if number and number not in self._lent_slots:
            lent: SimpleQueue[Response] = SimpleQueue()
            self.router.pending[number] = lent.put
            self._lent_slots[number] = lent
        try:
            return self._read_for_all(slot, turn, deadline, left)
        finally:
            self.process.interrupt()  # the response for the frame below may have arrived

    def _check_frames_below(self) -> None:
        """Raise `ConnectFailed` in a signal handler or finalizer whose call would deadlock.

        That is the case if a frame of this thread, below this one, is in the middle of a call on
        the same connection, unless it only waits.
        """
        if not self.is_used_here():
            return
        me = get_ident()
        below = [turn for turn in self.turns if thread_id_of(turn) == me]
        waits = all(
            turn.sleeps if isinstance(turn, Waiter) else self._watched_read.request_id
            for turn in below
        )
        if not waits or any(thread_id_of(turn) == me for turn in self.write_queue.turns):
            raise ConnectFailed(
                f"{self.session.plugin}: not called: a signal handler or finaliser has interrupted "
                "a call of this thread to the same plugin; set a flag there, and call later"
            )

    @override
    def fail(self, end: Callable[[], TransportError]) -> None:
        super().fail(end)
        if self._watched_read.request_id:
            self.process.interrupt()

    def close(self, grace: float = CRASH_GRACE_PERIOD) -> None:
        """End the process of a connection that has ended. Waits for the process."""
        run_steps(self.close_steps(grace))
        WATCHDOG.remove(self._watched_read)

    @override
    def crash(self) -> None:
        if self.end is None:
            reason = run_steps(self.describe_exit())
            self.fail(lambda: PeerCrashed(reason))


def take(slot: "SimpleQueue[Response]", seconds: float) -> Response:
    """Return what was delivered; `None` after `seconds`."""
    try:
        return slot.get(timeout=seconds)
    except Empty:
        return None
