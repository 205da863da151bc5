"""A connection whose output is read by an event loop."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, TypeAlias

from typing_extensions import override

from scaffold._concurrency.unsupported import running_loop
from scaffold._mcp.jsonrpc import Message
from scaffold._mcp.message_templates import TemplateMatch
from scaffold._mcp.notifications import Progress
from scaffold.client._process.descriptors import poller_for
from scaffold.client._process.launch import Launch
from scaffold.client._process.process import run_steps_async
from scaffold.client._protocol.call_codecs import LOAD_ERRORS, CallCodec
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.client._stdio.connection.calls_in_flight import (
    PROBE_TIMEOUT,
    Connection,
    StreamWindow,
)
from scaffold.client._stdio.connection.response_future import (
    DeadlineTimer,
    LoopReader,
    ResponseFuture,
    settle,
)
from scaffold.client._stdio.connection.response_router import Deliver, Response, message_or_error
from scaffold.client._stdio.connection.transport import (
    CRASH_GRACE_PERIOD,
    LIVENESS_INTERVAL,
    NotSent,
)
from scaffold.contract._errors.errors import PeerCrashed, ProtocolError, TransportError
from scaffold.contract._payload.codecs import LONG_TEXT_BYTES, NON_FINITE_CAPITALS

FastCall: TypeAlias = tuple[Callable[[Any, float], ResponseFuture], Callable[[ResponseFuture], Any]]
"""The fast path of a call: one function sends a payload, with a deadline; the other one returns the
output once the response is there. Both raise as `AsyncConnection.send_and_wait` does.
"""


class AsyncConnection(Connection):
    """A connection that belongs to the running event loop."""

    def __init__(self, launch: Launch, session: ProtocolSession, limit: int) -> None:
        self._loop = running_loop()
        super().__init__(launch, session, limit)
        self._reader = LoopReader(self._loop)
        self._loop.add_reader(self.process.stdout, self._receive)
        self._available = poller_for(read=(self.process.stdout,))
        self._send_scheduled = False
        """True if the queue is written in the next turn of the loop."""
        self._latest = ResponseFuture(self._reader, 0, 0.0, None)
        """The newest call on the fast path."""
        self._deadlines: dict[int, float] = {}
        """Deadlines of probes and of the next items of streams, by request."""
        self._timer = DeadlineTimer(self._loop)
        self._crash_task: asyncio.Task[None] | None = None

    async def send_message(
        self, outgoing: OutgoingMessage, deadline: float, seconds: float
    ) -> Message | None:
        """Send a message of the session; return its response, or `None` if there is none."""
        if not outgoing.expects_response:
            self.notify(outgoing)
            return None
        if not outgoing.is_probe:
            return message_or_error(await self.send_and_wait(outgoing, deadline, seconds))
        future: asyncio.Future[Response] = self._loop.create_future()
        request_id = await self._send_request(outgoing, partial(settle, future, outgoing.report))
        self._deadlines[request_id] = deadline
        self._timer.set(deadline, self._check_deadlines)
        now = time.monotonic()
        try:
            while not future.done() and now < deadline:
                wait_seconds = min(PROBE_TIMEOUT, deadline - now)
                await asyncio.wait([future], timeout=wait_seconds)
                now = time.monotonic()
                if not self.process.unread_input():
                    # The server has read the probe and is silent, which shows an old server.
                    break
        finally:
            self.router.pending.pop(request_id, None)
            del self._deadlines[request_id]
        answer = future.result() if future.done() else None
        if answer is None and now >= deadline:
            raise self.timeout_error(request_id, outgoing, seconds)
        return None if isinstance(answer, ProtocolError) else message_or_error(answer)

    def fast_caller(self, call: CallCodec, seconds: float) -> FastCall | None:
        """Return the fast path of a hook: calls without metadata and progress.

        Returns `None` if all calls of the hook take the plain path, `send_and_wait`. This is the
        only place that chooses.
        """
        if not (call.has_fast_path and self.fast_paths):
            return None
        send, reader = self.fast_sender(call), self._reader
        load, load_short = call.load, call.load_short
        n, i = NON_FINITE_CAPITALS

        def send_request(payload: Any, deadline: float) -> ResponseFuture:
            self._latest = response = ResponseFuture(reader, 0, deadline, None)
            response.id = send(payload, response)
            if deadline < self._timer.next_check:
                self._timer.set(deadline, self._check_deadlines)
            return response

        def read(response: ResponseFuture) -> Any:
            answer = response.answer
            if type(answer) is TemplateMatch:
                try:
                    payload = answer.payload
                    plain = len(payload) < LONG_TEXT_BYTES and n not in payload and i not in payload
                    return load_short(payload) if plain else load(payload)
                except LOAD_ERRORS:
                    return call.read(answer)
            return call.read(
                self.response_or_error(answer, response.id, call.plain_message(b""), seconds)
            )

        return send_request, read

    async def send_and_wait(
        self, outgoing: OutgoingMessage, deadline: float, seconds: float
    ) -> Message | TemplateMatch[bool]:
        """Send a request; return its response before `deadline`, `timeout` seconds after its start.

        Raises `NotSent`, `PeerCrashed`, `DeadlineExceeded` or `ProtocolError`.
        """
        response = ResponseFuture(self._reader, 0, deadline, outgoing.report)
        response.id = await self._send_request(outgoing, response)
        if deadline < self._timer.next_check:
            self._timer.set(deadline, self._check_deadlines)
        try:
            await response
        except asyncio.CancelledError:
            self.cancel(response.id)
            raise
        finally:
            if outgoing.report is not None:
                self.reports.pop(outgoing.token, None)
        return self.response_or_error(response.answer, response.id, outgoing, seconds)

    async def stream(
        self, outgoing: OutgoingMessage, seconds: float
    ) -> AsyncGenerator[Progress | Message | TemplateMatch[bool]]:
        """Send a request; yield its progress notifications, and its response as the last one.

        `timeout` is the time in seconds for each message. Raises as `send_and_wait` does.
        """
        arrived: asyncio.Queue[Response] = asyncio.Queue()
        window = StreamWindow(self, arrived.put_nowait)
        window.id = request_id = await self._send_request(outgoing, window.deliver)
        try:
            while True:
                answer = await self._next(arrived, request_id, seconds)
                if not isinstance(answer, Progress):
                    yield self.response_or_error(answer, request_id, outgoing, seconds)
                    return
                yield answer
                window.acknowledge(answer)
        finally:
            self.reports.pop(outgoing.token, None)
            self.cancel(request_id)

    async def _next(
        self, arrived: "asyncio.Queue[Response]", request_id: int, seconds: float
    ) -> Response:
        """Return the next message; `None` after the timeout."""
        if not arrived.empty():
            return arrived.get_nowait()
        deadline = self._deadlines[request_id] = time.monotonic() + seconds
        if deadline < self._timer.next_check:
            self._timer.set(deadline, self._check_deadlines)
        try:
            return await arrived.get()
        finally:
            del self._deadlines[request_id]

    def _receive(self) -> None:
        if not self.read():
            return
        latest, router = self._latest, self.router
        if self._reader.is_nested():
            # The task could run the loop inside itself, which could not run this callback again.
            self._deliver()
            return
        # Most often the output is exactly the response to the newest call.
        found = router.take_lone_response(latest.id)
        if found is not None:
            if router.pending.pop(latest.id, None) is latest:
                latest.resume(TemplateMatch(latest.id, True, *found))
            return
        self._reader.is_delivering = True
        try:
            self._deliver()
        finally:
            self._reader.is_delivering = False

    def _deliver(self) -> None:
        try:
            self.take()
        except BaseException:
            # An exception of a resumed task ends the loop. Other calls still wait for their
            # responses.
            self._loop.call_soon(self._deliver)
            raise

    async def aclose(
        self, end: Callable[[], TransportError], grace: float = CRASH_GRACE_PERIOD
    ) -> None:
        """End the connection and its process."""
        self.fail(end)
        await run_steps_async(self.close_steps(grace))

    @override
    def sent(self) -> None:
        if len(self.router.pending) > 1:
            # With several calls in flight, all messages of this turn of the loop are written
            # together.
            if not self._send_scheduled:
                self._send_scheduled = True
                self._loop.call_soon(self._send)
        else:
            self.write_queue.flush()
            self._send_the_rest()

    def _send(self) -> None:
        self._send_scheduled = False
        self.flush()
        self._send_the_rest()

    def _send_the_rest(self) -> None:
        if self.write_queue.unsent and self.end is None:
            self._loop.add_writer(self.process.stdin, self._write)

    @override
    def fail(self, end: Callable[[], TransportError]) -> None:
        if self.end is None:
            self._detach()
        super().fail(end)

    async def _send_request(self, outgoing: OutgoingMessage, deliver: Deliver) -> int:
        try:
            return self.send_request(outgoing, deliver)
        except NotSent:
            await self._record_crash()
            assert self.end is not None
            raise NotSent(str(self.end())) from None

    def _write(self) -> None:
        self.flush()
        if not self.write_queue.unsent and self.end is None:
            self._loop.remove_writer(self.process.stdin)

    def _check_deadlines(self, now: float) -> float | None:
        """Wake calls whose deadline has passed; return the next deadline.

        Also checks whether the process is alive.
        """
        pending = self.router.pending
        calls = (call for call in pending.values() if isinstance(call, ResponseFuture))
        deadlines = [*self._deadlines.items(), *((call.id, call.deadline) for call in calls)]
        if self.end is not None or not deadlines:
            return None
        for request_id, deadline in deadlines:
            deliver = pending.get(request_id) if deadline <= now else None
            if deliver is not None:
                deliver(None)
        if self.process.exited() and not self._available.poll(0):
            self.crash()
        return min((d for _id, d in deadlines if d > now), default=now + LIVENESS_INTERVAL)

    @override
    def crash(self) -> None:
        if self._crash_task is None:
            self._detach()
            self._crash_task = self._loop.create_task(self._record_crash())

    async def _record_crash(self) -> None:
        if self.end is None:
            reason = await run_steps_async(self.describe_exit())
            self.fail(lambda: PeerCrashed(reason))

    @override
    def _in_fork(self) -> None:
        # The selector of the loop is shared with the parent. It must not be changed here.
        super()._in_fork()
        self._deadlines.clear()

    def _detach(self) -> None:
        self._loop.remove_reader(self.process.stdout)
        self._loop.remove_writer(self.process.stdin)
