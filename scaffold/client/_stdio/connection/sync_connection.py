"""Waiting for answers in threads: the thread that calls reads its own.

When several wait at once, they queue, and the first reads for all: see decision 27. A wait never
lasts beyond its deadline.
"""

import os
import time
from collections.abc import Callable, Generator
from queue import SimpleQueue
from threading import get_ident
from typing import Any

from scaffold._concurrency.locks import no_lock_held
from scaffold._concurrency.turns import wake_first
from scaffold._mcp.jsonrpc import Message
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.progress import Progress
from scaffold.client._protocol.session import REFUSED, Call, Outgoing
from scaffold.client._stdio.connection.calls_in_flight import PROBE_PATIENCE
from scaffold.client._stdio.connection.read_watchdog import LOOK, WATCH
from scaffold.client._stdio.connection.response_router import Answer, message_of
from scaffold.client._stdio.connection.shared_reading import Waiting, take
from scaffold.client._stdio.connection.stream_window import Box
from scaffold.client._stdio.connection.transport import SMALL_READ, TICK, NotSent
from scaffold.contract._context.call_context import current_call_context
from scaffold.contract._errors.errors import ProtocolError
from scaffold.contract._payload.payload import LONG_TEXT_BYTES, NON_FINITE_CAPITALS

__all__ = ["Pipes"]


class Pipes(Waiting):
    """A connection whose answers are waited for by the threads that want them."""

    def ask(self, outgoing: Outgoing, deadline: float, seconds: float) -> Message | None:
        """Send what the session wants sent; `None` if there is no answer to it."""
        if not outgoing.answered:
            self.notify(outgoing)
            return None
        if not outgoing.probe:
            return message_of(self.exchange(outgoing, deadline, seconds))
        slot: SimpleQueue[Answer] = SimpleQueue()
        request_id = self._begin(outgoing, slot)
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
        send, only, quick, said = (
            self.sender(call),
            self.inbox.only,
            call.quick,
            current_call_context,
        )
        load, (n, i) = call.load, NON_FINITE_CAPITALS
        inbox, waiting, unsent = self.inbox, self.inbox.waiting, self.outlet.unsent
        readers, seat, watch, alone = self.turns, self._seat, WATCH, 1
        enter, leave, identity = readers.append, readers.remove, get_ident
        read, source, most = os.read, (self.process.stdout,), (SMALL_READ,)
        blocks, poll = self._blocks and seconds > 2 * LOOK, self._readable.poll
        patience = int(min(seconds, TICK) * 1000)

        def make(payload: Any, deadline: float) -> Any:
            if readers or waiting or unsent or said() is not None:
                return self.call(call, seconds, payload, deadline)
            slot = found = None
            number, turn = 0, identity()
            try:
                enter(turn)
                if len(readers) == alone:
                    number = send(payload, None)
                    seat.at = number
                    watched = blocks and (not watch.asleep or watch.wake())
                    if not unsent and (watched or poll(patience)):
                        # One call reads and keeps what was read: see `Inbox`.
                        inbox.held.extend(map(read, source, most))
                    seat.at = 0
                    found = only(number)
                    if found is None:
                        slot = self._expect(number)
            except BaseException as error:
                self._break_off(number, error)
                raise
            finally:
                leave(turn)
                if readers:
                    wake_first(readers)
            if found is None:
                return (
                    self.call(call, seconds, payload, deadline)
                    if slot is None
                    else call.read(self._await(number, slot, call.outgoing(b""), deadline, seconds))
                )
            output, line = found
            try:
                plain = len(output) < LONG_TEXT_BYTES and n not in output and i not in output
                return (quick if plain else load)(output)
            except REFUSED:
                return call.read(TemplateMatch(number, True, output, line))

        return make

    def _break_off(self, number: int, error: BaseException) -> None:
        """Give up a short call that was sent as `number`, or was not sent."""
        self._seat.at = 0
        if isinstance(error, NotSent):
            raise self._not_sent() from None
        self.abandon(number)

    def _expect(self, request_id: int) -> "SimpleQueue[Answer]":
        """Have the answer to a request that was sent delivered; take what was read meanwhile."""
        slot: SimpleQueue[Answer] | None = self._lent.pop(request_id, None)
        if slot is None:
            slot = SimpleQueue[Answer]()
            self.inbox.waiting[request_id] = slot.put
        held = self.inbox.held
        if held and not held[-1]:
            self.crash()
        if self.end is not None:
            raise self.end()
        self.take()
        return slot

    def call(self, call: Call, seconds: float, payload: Any, deadline: float) -> Any:
        """Make a call the long way, of which there may be more to say than its payload."""
        outgoing = call.write(payload)
        return call.read(self.exchange(outgoing, deadline, seconds), outgoing.name)

    def exchange(
        self, outgoing: Outgoing, deadline: float, seconds: float
    ) -> Message | TemplateMatch[bool]:
        """Send a request and wait for its answer until `deadline`, which is `seconds` from then.

        Raises `NotSent`, `PeerCrashed`, `DeadlineExceeded` or `ProtocolError`.
        """
        slot: SimpleQueue[Answer] = SimpleQueue()
        try:
            request_id = self._begin(outgoing, slot)
            return self._await(request_id, slot, outgoing, deadline, seconds)
        except BaseException:
            self.reports.pop(outgoing.token, None)
            self.forget_all(slot.put)
            raise

    def _begin(self, outgoing: Outgoing, slot: "SimpleQueue[Answer]") -> int:
        self._check_frames_below()
        try:
            return self.begin(outgoing, slot.put)
        except NotSent:
            raise self._not_sent() from None

    def _await(
        self,
        request_id: int,
        slot: "SimpleQueue[Answer]",
        outgoing: Outgoing,
        deadline: float,
        seconds: float,
    ) -> Message | TemplateMatch[bool]:
        """Wait for the answer to a request that was sent."""
        last: Progress | None = None
        try:
            answer = self._wait(slot, deadline, deadline - time.monotonic())
            while isinstance(answer, Progress):
                if last is None or answer.progress != last.progress:  # else it came twice
                    no_lock_held("a progress listener")
                    answer.report_to(outgoing.report)
                last = answer
                answer = self._wait(slot, deadline, deadline - time.monotonic())
        except BaseException:
            self.forget(request_id)
            raise
        finally:
            self.reports.pop(outgoing.token, None)
        if isinstance(answer, Message | TemplateMatch):
            return answer
        raise answer or self.overdue(request_id, outgoing, seconds)

    def stream(
        self, outgoing: Outgoing, seconds: float
    ) -> Generator[Progress | Message | TemplateMatch[bool]]:
        """Send a request, and yield what comes of it; its answer is the last.

        Each must come within so many seconds of being asked for. Raises as `exchange` does.
        """
        self._check_frames_below()
        slot: SimpleQueue[Answer] = SimpleQueue()
        box = Box(self, slot.put)
        last: Progress | None = None
        try:
            box.id = request_id = self.begin(outgoing, box.deliver)
            while True:
                answer = take(slot, 0) or self._wait(slot, time.monotonic() + seconds, seconds)
                if isinstance(answer, Message | TemplateMatch):
                    yield answer
                    return
                if not isinstance(answer, Progress):
                    raise answer or self.overdue(request_id, outgoing, seconds)
                if last is None or answer.progress != last.progress:  # else it came twice
                    yield answer
                    box.took(answer)
                last = answer
        except NotSent:
            raise self._not_sent() from None
        finally:
            self.reports.pop(outgoing.token, None)
            self.forget_all(box.deliver)
