"""Which of the threads that wait for answers reads them, for all.

They queue, and the first reads: see `scaffold._concurrency.turns` and decision 27.
"""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import Final

from typing_extensions import override

from scaffold._concurrency.turns import Waiter, thread_id_of, wake_first
from scaffold.client._process.descriptors import poll
from scaffold.client._process.launch import Launch
from scaffold.client._process.waits import run
from scaffold.client._protocol.session import Session
from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.client._stdio.connection.read_watchdog import WATCH, Seat
from scaffold.client._stdio.connection.response_router import Answer
from scaffold.client._stdio.connection.transport import FAILED_GRACE, TICK, NotSent
from scaffold.contract._errors.errors import ConnectFailed, PeerCrashed, TransportError

__all__ = ["Waiting", "take"]

_TICK: Final = int(TICK * 1000)
_CROWDED: Final = 0.02
"""Seconds between looks at one's own answer while another thread reads and this one writes."""


class Waiting(Connection):
    """A connection whose answers are waited for by the threads that want them."""

    def __init__(self, launch: Launch, session: Session, limit: int) -> None:
        super().__init__(launch, session, limit)
        self._readable = poll(read=(self.process.stdout,))
        self._blocks = self.process.let_block()
        self._seat = Seat(self.process.interrupt)
        self._lent: dict[int, SimpleQueue[Answer]] = {}
        """Answers to short calls, taken by a signal handler on top of them."""
        WATCH.add(self._seat)

    def _not_sent(self) -> NotSent:
        self.crash()
        assert self.end is not None
        return NotSent(str(self.end()))

    def _wait(self, slot: "SimpleQueue[Answer]", deadline: float, left: float) -> Answer:
        """Return the answer, `None` if there is none in time, which is `left` seconds from now."""
        readers, turn = self.turns, Waiter(slot.put)
        try:
            readers.append(turn)
            # Not a loop: its jump back is no part of the `try` for Python 3.13.
            answer = self._lead_or_follow(slot, turn, deadline, left)
        finally:
            first = readers[0] is turn
            readers.remove(turn)
            if first and readers:
                wake_first(readers)
        return answer

    def _lead_or_follow(
        self, slot: "SimpleQueue[Answer]", turn: Waiter, deadline: float, left: float
    ) -> Answer:
        """Wait for the answer with a turn in the queue."""
        answer: Answer = None
        readers = self.turns
        while answer is None and left > 0:
            if readers[0] is turn:
                answer = self._lead(slot, turn, deadline, left)
            elif thread_id_of(readers[0]) == turn.thread:
                answer = self._lead_for_frame_below(slot, turn, deadline, left)
            else:
                answer = self._follow(slot, turn, left)
            if answer is None:
                left = deadline - time.monotonic()
        return answer

    def _follow(self, slot: "SimpleQueue[Answer]", turn: Waiter, left: float) -> Answer:
        """Let another thread read, for a while."""
        patience = TICK
        if self.outlet.unsent:
            self.flush()
            patience = _CROWDED
        turn.sleeps = True
        answer = take(slot, min(left, patience))
        turn.sleeps = False
        return answer

    def _lead(
        self, slot: "SimpleQueue[Answer]", turn: Waiter, deadline: float, left: float
    ) -> Answer:
        """Read for everybody, until the own answer is there."""
        # Of its own: a signal handler may lead while the frame below it is in a poll.
        readable = poll(read=(self.process.stdout,))
        either = poll(read=(self.process.stdout,), write=(self.process.stdin,))
        self.take()  # what a thread that was interrupted has left
        while left > 0:
            while not slot.empty():
                answer = slot.get_nowait()
                if answer is not None:
                    return answer
            if self.end is not None:
                return self.end()
            poller = either if self.outlet.unsent else readable
            turn.sleeps = True
            ready = poller.poll(_TICK if left > TICK else left * 1000)
            turn.sleeps = False
            if ready:
                if poller is either:
                    self.flush()
                # It may have been the input that there is room in: a read may block.
                if (poller is readable or readable.poll(0)) and self.read():
                    self.take()
                if not slot.empty():
                    continue
            elif self.process.exited() and not readable.poll(0):
                self.crash()
            left = deadline - time.monotonic()
        return None

    def _lead_for_frame_below(
        self, slot: "SimpleQueue[Answer]", turn: Waiter, deadline: float, left: float
    ) -> Answer:
        """Read in place of a frame of this thread, on which a signal handler was called."""
        number = self._seat.at
        if number and number not in self._lent:
            lent: SimpleQueue[Answer] = SimpleQueue()
            self.inbox.waiting[number] = lent.put
            self._lent[number] = lent
        try:
            return self._lead(slot, turn, deadline, left)
        finally:
            self.process.interrupt()  # what the frame below waits for may have come

    def _check_frames_below(self) -> None:
        """Refuse a call from a signal handler or a finaliser that nobody could read an answer for.

        Raises `ConnectFailed` if a frame of this thread, below this one, is in the middle of a call
        on the same connection, unless it does nothing but wait.
        """
        if not self.is_used_here():
            return
        me = get_ident()
        below = [turn for turn in self.turns if thread_id_of(turn) == me]
        waits = all(turn.sleeps if isinstance(turn, Waiter) else self._seat.at for turn in below)
        if not waits or any(thread_id_of(turn) == me for turn in self.outlet.turns):
            raise ConnectFailed(
                f"{self.session.plugin}: not called: a signal handler or finaliser has interrupted "
                "a call of this thread to the same plugin; set a flag there, and call later"
            )

    @override
    def fail(self, end: Callable[[], TransportError]) -> None:
        super().fail(end)
        if self._seat.at:
            self.process.interrupt()

    def dispose(self, grace: float = FAILED_GRACE) -> None:
        """End the process of a connection that has ended. Takes as long as the process takes."""
        run(self.disposing(grace))
        WATCH.remove(self._seat)

    @override
    def crash(self) -> None:
        if self.end is None:
            reason = run(self.last_words())
            self.fail(lambda: PeerCrashed(reason))


def take(slot: "SimpleQueue[Answer]", seconds: float) -> Answer:
    """Take what was delivered, `None` if nothing was in time."""
    try:
        return slot.get(timeout=seconds)
    except Empty:
        return None
