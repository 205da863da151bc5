"""Waiting for answers in an event loop, which reads the output as it comes.

There is one timer for all calls: it looks for those whose deadline has passed, and at whether the
process lives.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, TypeAlias

from typing_extensions import override

from scaffold._concurrency.unsupported import running_loop
from scaffold._mcp.jsonrpc import Message
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.progress import Progress
from scaffold.client._process.descriptors import poll
from scaffold.client._process.launch import Launch
from scaffold.client._process.waits import run_async
from scaffold.client._protocol.session import REFUSED, Call, Outgoing, Session
from scaffold.client._stdio.connection.calls_in_flight import PROBE_PATIENCE, Connection
from scaffold.client._stdio.connection.response_future import Arrival, Reader
from scaffold.client._stdio.connection.response_router import Answer, Deliver, message_of
from scaffold.client._stdio.connection.stream_window import Box
from scaffold.client._stdio.connection.transport import FAILED_GRACE, TICK, NotSent
from scaffold.contract._context.progress import ProgressListener
from scaffold.contract._errors.errors import PeerCrashed, ProtocolError, TransportError
from scaffold.contract._payload.payload import LONG_TEXT_BYTES, NON_FINITE_CAPITALS

__all__ = ["LoopPipes", "Short"]


Short: TypeAlias = tuple[Callable[[Any, float], Arrival], Callable[[Arrival], Any]]
"""The short way of a call. The first function takes a payload and a deadline, and begins the call;
the other returns the output once the answer has come. They raise as `LoopPipes.exchange` does."""


class LoopPipes(Connection):
    """A connection that belongs to the running event loop."""

    def __init__(self, launch: Launch, session: Session, limit: int) -> None:
        self._loop = running_loop()
        super().__init__(launch, session, limit)
        self._reader = Reader(self._loop)
        self._loop.add_reader(self.process.stdout, self._receive)
        self._available = poll(read=(self.process.stdout,))
        self._sends = False
        """True if what is queued goes out in the next turn of the loop."""
        self._latest = Arrival(self._reader, 0, 0.0, None)
        """The call that was made last."""
        self._deadlines: dict[int, float] = {}
        """When probes, and the items of streams that somebody waits for, are due."""
        self._timer: asyncio.TimerHandle | None = None
        self._next_look = 0.0
        self._burial: asyncio.Task[None] | None = None

    async def ask(self, outgoing: Outgoing, deadline: float, seconds: float) -> Message | None:
        """Send what the session wants sent; `None` if there is no answer to it."""
        if not outgoing.answered:
            self.notify(outgoing)
            return None
        if not outgoing.probe:
            return message_of(await self.exchange(outgoing, deadline, seconds))
        future: asyncio.Future[Answer] = self._loop.create_future()
        request_id = await self._begin(outgoing, partial(_settle, future, outgoing.report))
        self._deadlines[request_id] = deadline
        self._look_at(deadline)
        now = time.monotonic()
        try:
            while not future.done() and now < deadline:
                patience = min(PROBE_PATIENCE, deadline - now)
                await asyncio.wait([future], timeout=patience)
                now = time.monotonic()
                if not self.process.unread():
                    # It has read the question, and is silent: that is an answer too.
                    break
        finally:
            self.inbox.waiting.pop(request_id, None)
            del self._deadlines[request_id]
        answer = future.result() if future.done() else None
        if answer is None and now >= deadline:
            raise self.overdue(request_id, outgoing, seconds)
        return None if isinstance(answer, ProtocolError) else message_of(answer)

    def caller(self, call: Call, seconds: float) -> Short:
        """Return what makes such calls, of which there is nothing to say but their payloads."""
        send, reader, load, quick = self.sender(call), self._reader, call.load, call.quick
        n, i = NON_FINITE_CAPITALS

        def begin(payload: Any, deadline: float) -> Arrival:
            self._latest = arrival = Arrival(reader, 0, deadline, None)
            arrival.id = send(payload, arrival)
            if self._timer is None or deadline < self._next_look:
                self._look_at(deadline)
            return arrival

        def read(arrival: Arrival) -> Any:
            answer = arrival.answer
            if type(answer) is TemplateMatch:
                try:
                    payload = answer.payload
                    plain = len(payload) < LONG_TEXT_BYTES and n not in payload and i not in payload
                    return quick(payload) if plain else load(payload)
                except REFUSED:
                    return call.read(answer)
            return call.read(self._judge(answer, arrival.id, call.outgoing(b""), seconds))

        return begin, read

    async def exchange(
        self, outgoing: Outgoing, deadline: float, seconds: float
    ) -> Message | TemplateMatch[bool]:
        """Send a request and wait for its answer until `deadline`, which is `seconds` from then.

        Raises `NotSent`, `PeerCrashed`, `DeadlineExceeded` or `ProtocolError`.
        """
        arrival = Arrival(self._reader, 0, deadline, outgoing.report)
        arrival.id = await self._begin(outgoing, arrival)
        if self._timer is None or deadline < self._next_look:
            self._look_at(deadline)
        try:
            await arrival
        except asyncio.CancelledError:
            self.forget(arrival.id)
            raise
        finally:
            if outgoing.report is not None:
                self.reports.pop(outgoing.token, None)
        return self._judge(arrival.answer, arrival.id, outgoing, seconds)

    def _judge(
        self, answer: Answer, request_id: int, outgoing: Outgoing, seconds: float
    ) -> Message | TemplateMatch[bool]:
        """Return an answer; raise what stands in place of one."""
        if isinstance(answer, Message | TemplateMatch):
            return answer
        if isinstance(answer, TransportError):
            raise answer
        raise self.overdue(request_id, outgoing, seconds)

    async def stream(
        self, outgoing: Outgoing, seconds: float
    ) -> AsyncGenerator[Progress | Message | TemplateMatch[bool]]:
        """Send a request, and yield what comes of it; its answer is the last.

        Each must come within so many seconds of being asked for. Raises as `exchange` does.
        """
        arrived: asyncio.Queue[Answer] = asyncio.Queue()
        box = Box(self, arrived.put_nowait)
        box.id = request_id = await self._begin(outgoing, box.deliver)
        try:
            while True:
                answer = await self._next(arrived, request_id, seconds)
                if isinstance(answer, Message | TemplateMatch):
                    yield answer
                    return
                if not isinstance(answer, Progress):
                    raise answer or self.overdue(request_id, outgoing, seconds)
                yield answer
                box.took(answer)
        finally:
            self.reports.pop(outgoing.token, None)
            self.forget(request_id)

    async def _next(
        self, arrived: "asyncio.Queue[Answer]", request_id: int, seconds: float
    ) -> Answer:
        """Return what comes next; `None` if nothing does in time."""
        if not arrived.empty():
            return arrived.get_nowait()
        deadline = self._deadlines[request_id] = time.monotonic() + seconds
        if self._timer is None or deadline < self._next_look:
            self._look_at(deadline)
        try:
            return await arrived.get()
        finally:
            del self._deadlines[request_id]

    def _receive(self) -> None:
        if not self.read():
            return
        latest, inbox = self._latest, self.inbox
        if self._reader.nested():
            # A task that were resumed here could run the loop, which could not run this again.
            self._deliver()
            return
        # Most often it is the answer to the latest call, and nothing else.
        found = inbox.only(latest.id)
        if found is not None:
            if inbox.waiting.pop(latest.id, None) is latest:
                latest.resume(TemplateMatch(latest.id, True, *found))
            return
        self._reader.delivers = True
        try:
            self._deliver()
        finally:
            self._reader.delivers = False

    def _deliver(self) -> None:
        try:
            self.take()
        except BaseException:
            # A task that was resumed ends the loop; others still wait for their answers.
            self._loop.call_soon(self._deliver)
            raise

    async def aclose(self, end: Callable[[], TransportError], grace: float = FAILED_GRACE) -> None:
        """End the connection and its process."""
        self.fail(end)
        await run_async(self.disposing(grace))

    @override
    def sent(self) -> None:
        if len(self.inbox.waiting) > 1:
            # In company: what is sent in this turn of the loop goes out together.
            if not self._sends:
                self._sends = True
                self._loop.call_soon(self._send)
        else:
            self.outlet.flush()
            self._send_the_rest()

    def _send(self) -> None:
        self._sends = False
        self.flush()
        self._send_the_rest()

    def _send_the_rest(self) -> None:
        if self.outlet.unsent and self.end is None:
            self._loop.add_writer(self.process.stdin, self._write)

    @override
    def fail(self, end: Callable[[], TransportError]) -> None:
        if self.end is None:
            self._detach()
        super().fail(end)

    async def _begin(self, outgoing: Outgoing, deliver: Deliver) -> int:
        try:
            return self.begin(outgoing, deliver)
        except NotSent:
            raise await self._not_sent() from None

    async def _not_sent(self) -> NotSent:
        await self._bury()
        assert self.end is not None
        return NotSent(str(self.end()))

    def _write(self) -> None:
        self.flush()
        if not self.outlet.unsent and self.end is None:
            self._loop.remove_writer(self.process.stdin)

    def _look(self) -> None:
        """Wake the calls that are out of time, and see whether the process lives."""
        self._timer = None
        deadlines = self._all_deadlines()
        if self.end is not None or not deadlines:
            return
        now = time.monotonic()
        for request_id, deadline in deadlines:
            deliver = self.inbox.waiting.get(request_id) if deadline <= now else None
            if deliver is not None:
                deliver(None)
        if self.process.exited() and not self._available.poll(0):
            self.crash()
        self._look_at(min((d for _id, d in deadlines if d > now), default=now + TICK))

    def _all_deadlines(self) -> list[tuple[int, float]]:
        calls = (call for call in self.inbox.waiting.values() if isinstance(call, Arrival))
        return [*self._deadlines.items(), *((call.id, call.deadline) for call in calls)]

    def _look_at(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now = time.monotonic()
        self._next_look = min(deadline, now + TICK)
        self._timer = self._loop.call_later(self._next_look - now, self._look)

    @override
    def crash(self) -> None:
        if self._burial is None:
            self._detach()
            self._burial = self._loop.create_task(self._bury())

    async def _bury(self) -> None:
        if self.end is None:
            reason = await run_async(self.last_words())
            self.fail(lambda: PeerCrashed(reason))

    @override
    def _in_fork(self) -> None:
        # The loop belongs to the host, with which it shares what it waits for: it is left alone.
        super()._in_fork()
        self._deadlines.clear()

    def _detach(self) -> None:
        self._loop.remove_reader(self.process.stdout)
        self._loop.remove_writer(self.process.stdin)


def _settle(
    future: "asyncio.Future[Answer]", report: ProgressListener | None, answer: Answer
) -> None:
    if isinstance(answer, Progress):
        # In a turn of its own: what a listener raises is not for the reader to hear.
        future.get_loop().call_soon(answer.report_to, report)
    elif not future.done():
        future.set_result(answer)
