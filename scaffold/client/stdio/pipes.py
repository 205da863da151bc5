"""Waiting for answers in threads: the thread that calls reads its own.

When several wait at once, one of them reads for all, and hands the reading over when it has its own
answer. A wait never lasts beyond its deadline.
"""

import os
import time
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue
from typing import Any, Final

from typing_extensions import override

from scaffold.client.session import REFUSED, Call, Outgoing, Session
from scaffold.client.stdio.box import Box
from scaffold.client.stdio.connection import (
    FAILED_GRACE,
    PROBE_PATIENCE,
    SMALL_READ,
    TICK,
    Connection,
    NotSent,
)
from scaffold.client.stdio.inbox import Answer, message_of
from scaffold.client.stdio.process import CALL, Launch, poll
from scaffold.client.stdio.watch import LOOK, WATCH, Seat
from scaffold.contract.beside import beside
from scaffold.contract.errors import PeerCrashed, ProtocolError, TransportError
from scaffold.contract.payload import CAPITALS, SHORT
from scaffold.wire.heads import Familiar
from scaffold.wire.messages import Message
from scaffold.wire.progress import Progress

__all__ = ["Pipes"]

_TICK: Final = int(TICK * 1000)

_AT_ONCE: Final = False
"""For locks: do not wait. By place, because a name takes as long as the lock."""
_CROWDED: Final = 0.02
"""Seconds between looks at one's own answer while another thread reads and this one writes."""


class Pipes(Connection):
    """A connection whose answers are waited for by the threads that want them."""

    def __init__(self, launch: Launch, session: Session, limit: int) -> None:
        super().__init__(launch, session, limit)
        self._readable = poll(read=(self.process.stdout,))
        self._either = poll(read=(self.process.stdout,), write=(self.process.stdin,))
        self._blocks = self.process.let_block()
        self._seat = Seat(self.process.interrupt)
        WATCH.add(self._seat)

    def ask(self, outgoing: Outgoing, deadline: float, seconds: float) -> Message | None:
        """Send what the session wants sent; `None` if there is no answer to it."""
        if not outgoing.answered:
            self.notify(outgoing)
            return None
        if not outgoing.probe:
            return message_of(self.exchange(outgoing, deadline, seconds))
        slot: SimpleQueue[Answer] = SimpleQueue()
        try:
            request_id = self.begin(outgoing, slot.put)
        except NotSent:
            raise self._not_sent() from None
        now = time.monotonic()
        answer = None
        while answer is None and now < deadline:
            patience = min(PROBE_PATIENCE, deadline - now)
            answer = self._wait(slot, now + patience, patience)
            now = time.monotonic()
            if not self.process.unread():
                # It has read the question, and is silent: that is an answer too.
                break
        self.inbox.waiting.pop(request_id, None)
        if answer is None and now >= deadline:
            raise self.overdue(request_id, outgoing, seconds)
        return None if isinstance(answer, ProtocolError) else message_of(answer)

    def caller(self, call: Call, seconds: float) -> Callable[[Any, float], Any]:
        """Return the function that makes such calls: takes a payload and a deadline.

        If nobody waits for anything, the answer, and nothing else, is most often the next thing
        that comes: then no other thread need hear of the call. That way is short, with everything
        at hand: between two switches of processes, each function and each object more is felt. It
        raises as `exchange` does.
        """
        send, only, quick, said = self.sender(call), self.inbox.only, call.quick, beside
        load, (n, i) = call.load, CAPITALS
        waiting, unsent, seat, watch = self.inbox.waiting, self.unsent, self._seat, WATCH
        acquire, release, at_once = self.reading.acquire, self.reading.release, _AT_ONCE
        read, stdout = self._reader(seconds), self.process.stdout

        def make(payload: Any, deadline: float) -> Any:
            if waiting or unsent or said() is not None or not acquire(at_once):
                return self.call(call, seconds, payload, deadline)
            slot: SimpleQueue[Answer] | None = None
            try:
                number = send(payload, None)
                try:
                    seat.at = number
                    if watch.asleep:
                        watch.wake()
                    data = CALL if unsent else read(stdout, SMALL_READ)
                    seat.at = 0
                    output = only(data, number)
                    if output is None:
                        slot = self._expect(number, data)
                except BaseException:
                    seat.at = 0
                    self.abandon(number)
                    raise
            except NotSent:
                raise self._not_sent() from None
            finally:
                release()
                if waiting:
                    self._hand_over()
            if output is None:
                assert slot is not None
                outgoing = call.outgoing(b"")
                return call.read(self._await(number, slot, outgoing, deadline, seconds))
            try:
                plain = len(output) < SHORT and n not in output and i not in output
                return (quick if plain else load)(output)
            except REFUSED:
                return call.read(Familiar(number, True, output, data))

        return make

    def _reader(self, seconds: float) -> Callable[[int, int], bytes]:
        """Return what reads from a descriptor, and comes back if nothing comes for a while."""
        if self._blocks and seconds > 2 * LOOK:
            return os.read
        patience, poll = min(seconds, TICK) * 1000, self._readable.poll
        return lambda descriptor, most: os.read(descriptor, most) if poll(patience) else CALL

    def _expect(self, request_id: int, data: bytes) -> "SimpleQueue[Answer]":
        """Have the answer to a request that was sent delivered; take what was read meanwhile."""
        if not data:
            self.crash()
        slot: SimpleQueue[Answer] = SimpleQueue()
        with self.lock:
            if self.end is not None:
                raise self.end()
            self.inbox.waiting[request_id] = slot.put
        self.take(data)
        return slot

    def call(self, call: Call, seconds: float, payload: Any, deadline: float) -> Any:
        """Make a call the long way, of which there may be more to say than its payload."""
        outgoing = call.write(payload)
        return call.read(self.exchange(outgoing, deadline, seconds), outgoing.name)

    def exchange(
        self, outgoing: Outgoing, deadline: float, seconds: float
    ) -> Message | Familiar[bool]:
        """Send a request and wait for its answer until `deadline`, which is `seconds` from then.

        Raises `NotSent`, `PeerCrashed`, `DeadlineExceeded` or `ProtocolError`.
        """
        slot: SimpleQueue[Answer] = SimpleQueue()
        try:
            request_id = self.begin(outgoing, slot.put)
        except NotSent:
            raise self._not_sent() from None
        return self._await(request_id, slot, outgoing, deadline, seconds)

    def _await(
        self,
        request_id: int,
        slot: "SimpleQueue[Answer]",
        outgoing: Outgoing,
        deadline: float,
        seconds: float,
    ) -> Message | Familiar[bool]:
        """Wait for the answer to a request that was sent."""
        try:
            answer = self._wait(slot, deadline, deadline - time.monotonic())
            while isinstance(answer, Progress):
                answer.tell(outgoing.report)
                answer = self._wait(slot, deadline, deadline - time.monotonic())
        except BaseException:
            self.forget(request_id)
            raise
        finally:
            self.reports.pop(outgoing.token, None)
        if isinstance(answer, Message | Familiar):
            return answer
        raise answer or self.overdue(request_id, outgoing, seconds)

    def stream(
        self, outgoing: Outgoing, seconds: float
    ) -> Generator[Progress | Message | Familiar[bool]]:
        """Send a request, and yield what comes of it; its answer is the last.

        Each must come within so many seconds of being asked for. Raises as `exchange` does.
        """
        slot: SimpleQueue[Answer] = SimpleQueue()
        box = Box(self, slot.put)
        try:
            box.id = request_id = self.begin(outgoing, box.deliver)
        except NotSent:
            raise self._not_sent() from None
        try:
            while True:
                answer = _take(slot, 0) or self._wait(slot, time.monotonic() + seconds, seconds)
                if isinstance(answer, Message | Familiar):
                    yield answer
                    return
                if not isinstance(answer, Progress):
                    raise answer or self.overdue(request_id, outgoing, seconds)
                self.idle.add(request_id)
                if self.inbox.waiting:
                    self._hand_over()
                yield answer
                self.idle.discard(request_id)
                box.took(answer)
        finally:
            self.idle.discard(request_id)
            self.reports.pop(outgoing.token, None)
            self.forget(request_id)

    def _not_sent(self) -> NotSent:
        self.crash()
        assert self.end is not None
        return NotSent(str(self.end()))

    def _wait(self, slot: "SimpleQueue[Answer]", deadline: float, left: float) -> Answer:
        """Return the answer, `None` if there is none in time, which is `left` seconds from now."""
        answer: Answer = None
        try:
            while answer is None and left > 0:
                if self.reading.acquire(_AT_ONCE):
                    try:
                        answer = self._lead(slot, deadline, left)
                    finally:
                        self.reading.release()
                elif self.unsent:
                    poll(write=(self.process.stdin,)).poll(_CROWDED * 1000)
                    self.flush()
                    answer = _take(slot, 0)
                else:
                    answer = _take(slot, left)
                if answer is None:
                    left = deadline - time.monotonic()
        finally:
            if self.inbox.waiting:
                self._hand_over()
        return answer

    def _lead(self, slot: "SimpleQueue[Answer]", deadline: float, left: float) -> Answer:
        """Read for everybody, until the own answer is there."""
        while left > 0:
            while not slot.empty():
                answer = slot.get_nowait()
                if answer is not None:
                    return answer
            poller = self._either if self.unsent else self._readable
            if poller.poll(_TICK if left > TICK else left * 1000):
                if poller is self._either:
                    self.flush()
                # It may have been the input that there is room in: a read may block.
                if poller is self._readable or self._readable.poll(0):
                    self.take(self.read())
                if not slot.empty():
                    continue
            elif self.process.exited() and not self._readable.poll(0):
                self.crash()
            left = deadline - time.monotonic()
        return None

    @override
    def fail(self, end: Callable[[], TransportError]) -> None:
        super().fail(end)
        if self._seat.at:
            self.process.interrupt()

    @override
    def dispose(self, grace: float = FAILED_GRACE) -> None:
        super().dispose(grace)
        WATCH.remove(self._seat)

    @override
    def crash(self) -> None:
        if self.end is None:
            reason = self.last_words()
            self.fail(lambda: PeerCrashed(reason))

    def _hand_over(self) -> None:
        """Let one of those who wait go on reading, if nobody does."""
        for request_id in list(self.inbox.waiting):
            deliver = self.inbox.waiting.get(request_id)
            if self.reading.locked():
                return
            if deliver is not None and request_id not in self.idle:
                deliver(None)
                return


def _take(slot: "SimpleQueue[Answer]", seconds: float) -> Answer:
    try:
        return slot.get(timeout=seconds)
    except Empty:
        return None
