"""Calls and streams in flight to one process: ids, timeouts, windows; for threads and loops."""

import os
from collections.abc import Callable
from itertools import count
from threading import get_ident
from typing import Any, ClassVar, Final, NoReturn

from msgspec import UNSET
from typing_extensions import override

from scaffold._concurrency.signal_safety import wake_first
from scaffold._mcp.jsonrpc import (
    JsonRpcError,
    Message,
    encode,
    write_error_response,
    write_notification,
    write_request,
    write_response,
)
from scaffold._mcp.message_templates import MESSAGE_START, TemplateMatch
from scaffold._mcp.notifications import (
    MORE_NOTIFICATION,
    WINDOW_BYTES,
    Progress,
    read_progress,
    write_more_params,
)
from scaffold._mcp.protocol_versions import ErrorCode
from scaffold.client._process.descriptors import ATOMIC_WRITE_BYTES, poller_for
from scaffold.client._process.launch import Launch
from scaffold.client._protocol.call_codecs import CallCodec
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.client._stdio.connection.response_router import Deliver, Response, WatchedRead
from scaffold.client._stdio.connection.transport import NotSent, Transport
from scaffold.contract._errors.errors import (
    DeadlineExceeded,
    PeerCrashed,
    ProtocolError,
    TransportError,
)

PROBE_TIMEOUT: Final = 2.0
"""Seconds of silence after which a server that has read `server/discover` counts as legacy."""

INPUT_CLOSED: Final = "the process does not read its input any more"


class Connection(Transport):
    """A connection that sends requests and cancels them."""

    fast_paths: ClassVar[bool] = True
    """False sends every call on the plain path. Tests of channels run with both values."""

    def __init__(self, launch: Launch, session: ProtocolSession, limit: int) -> None:
        super().__init__(launch, session, limit)
        self._ids = count(1)
        self._watched_read = WatchedRead(self.process.interrupt)
        self._served = 0
        self._notified = 0, 0
        """The newest request, and the bytes of the notifications after it."""

    def send_request(self, outgoing: OutgoingMessage, deliver: Deliver) -> int:
        """Send a request whose response goes to `deliver`; return its id.

        Raises `NotSent` if the process does not read its input any more.
        """
        router = self.router
        request_id = router.last_id = next(self._ids)
        router.pending[request_id] = deliver
        if outgoing.report is not None:
            self.reports[outgoing.token] = deliver
        try:
            # In this order: `fail` either sees the request in `pending`, or is seen here.
            if self.end is not None:
                _raise_not_sent(self.end)
            self.send(write_request(request_id, outgoing.method, outgoing.params) + b"\n")
        except BaseException as error:
            self.reports.pop(outgoing.token, None)
            self.cancel(request_id)  # an interruption may have come after it was sent
            if isinstance(error, OSError):
                raise NotSent(INPUT_CLOSED) from None
            raise
        return request_id

    def fast_sender(self, call: CallCodec) -> Callable[[Any, Deliver | None], int]:
        """Return a function that sends calls without metadata, given a payload and `deliver`.

        The function returns the request's id. The reading thread may pass `None` for `deliver`;
        then it must register a slot before it stops reading. Raises as `send_request` does.
        """
        dump, middle, tail = call.dump, *call.message_parts
        router, pending, ids = self.router, self.router.pending, self._ids
        write_queue, unsent, writers = (
            self.write_queue,
            self.write_queue.unsent,
            self.write_queue.turns,
        )
        enter, leave, identity = writers.append, writers.remove, get_ident
        reading = self._watched_read
        write, join, stdin, atomic, alone = os.write, b"".join, self._stdin, ATOMIC_WRITE_BYTES, 1

        def send(payload: Any, deliver: Deliver | None) -> int:
            arguments = dump(payload)
            number = router.last_id = next(ids)
            line = join((MESSAGE_START, b"%d" % number, middle, arguments, tail))
            if deliver is not None:
                pending[number] = deliver
            turn = identity()
            try:
                enter(turn)
                reading.request_id = number
                if self.end is not None:
                    _raise_not_sent(self.end)
                # Inlined copy of `send` for a free pipe; keep the two in step.
                crowd = len(line) > atomic or len(pending) > alone or len(writers) > alone
                if crowd or unsent:
                    write_queue.append(line)
                else:
                    write(stdin, line)
            except BlockingIOError:
                write_queue.append(line)
            except OSError:
                pending.pop(number, None)
                raise NotSent(INPUT_CLOSED) from None
            except BaseException:
                pending.pop(number, None)
                raise
            finally:
                leave(turn)
                if writers:
                    wake_first(writers)
            if unsent:
                self._flush_or_forget(number)
            return number

        return send

    def _flush_or_forget(self, request_id: int) -> None:
        try:
            self.sent()
        except OSError:
            self.router.pending.pop(request_id, None)
            raise NotSent(INPUT_CLOSED) from None

    def timeout_error(
        self, request_id: int, outgoing: OutgoingMessage, timeout: float
    ) -> DeadlineExceeded:
        """Cancel a request whose deadline has passed; return the error.

        A process that hangs ends with it: see `HangDetector`.
        """
        unread = self._is_unread(request_id)
        self.router.pending.pop(request_id, None)
        if outgoing.method == "tools/call":
            self.notify(_cancel_notification(request_id))
        what = f"{self.session.plugin}: no answer to {outgoing.name or outgoing.method}"
        cause = f"{what} within {timeout:.3g} s{self.router.remarks}"
        if unread:
            cause += "; it has not read all of its input"
        more_output = bool(poller_for(read=(self._stdout,)).poll(0))
        hopeless = self._hang_detector.note_missed_deadline(timeout, more_output=more_output)
        if self.process.exited():
            hopeless = f"the process has ended ({self.process.status})"
        if hopeless:
            cause = f"{cause}; {hopeless}: given up"
            self.fail(lambda: PeerCrashed(cause))
        return DeadlineExceeded(cause)

    def response_or_error(
        self, answer: Response, request_id: int, outgoing: OutgoingMessage, timeout: float
    ) -> Message | TemplateMatch[bool]:
        """Return a response; raise the error that came instead, or `timeout_error`."""
        if isinstance(answer, Message | TemplateMatch):
            return answer
        if isinstance(answer, TransportError):
            raise answer
        raise self.timeout_error(request_id, outgoing, timeout)

    def _is_unread(self, request_id: int) -> bool:
        """Return whether the process has certainly not read a request.

        Only the end of the pipe's content is known: the newest request and the notifications after
        it. An older request may have been read, so the process is not blamed for it.
        """
        opening = MESSAGE_START + b"%d," % request_id
        if any(queued.line.startswith(opening) for queued in list(self.write_queue.unsent)):
            return True
        if request_id != self.router.last_id:
            return False
        newest, size = self._notified
        return self.process.unread_input() > (size if newest == request_id else 0)

    @override
    def notify(self, outgoing: OutgoingMessage) -> None:
        newest, size = self._notified
        last = self.router.last_id
        line = len(write_notification(outgoing.method, outgoing.params)) + 1
        self._notified = last, (size if newest == last else 0) + line
        super().notify(outgoing)

    @override
    def handle_other(self, message: Message, line: bytes) -> None:
        """Deliver a progress notification; respond to a legacy server's request, such as `ping`."""
        if message.method == "notifications/progress" and self.reports:
            progress = read_progress(line)
            deliver = self.reports.get(progress.token) if progress is not None else None
            if deliver is not None:
                deliver(progress)
            return
        if message.id is UNSET or message.id is None or self.session.modern:
            return
        if message.method == "ping":
            reply = write_response(message.id, b"{}")
        else:
            refusal = JsonRpcError(ErrorCode.METHOD_NOT_FOUND, f"no method '{message.method}' here")
            reply = write_error_response(refusal, message.id)
        if self.end is None:
            try:
                self.send(reply + b"\n")
            except OSError:
                return

    def cancel(self, request_id: int) -> None:
        """Cancel a request, unless it has its response; after an interruption, repeat this."""
        if request_id in self.router.pending:
            self.notify(_cancel_notification(request_id))
            self.router.pending.pop(request_id, None)

    def cancel_all(self, deliver: Deliver) -> None:
        """Cancel all requests that deliver to `deliver`.

        For interruptions that came before the id was known.
        """
        for request_id, whose in list(self.router.pending.items()):
            if whose == deliver:
                self.cancel(request_id)

    def cancel_lone(self, request_id: int) -> None:
        """Cancel a request of the fast path; 0 means that it was not sent."""
        self.router.pending.pop(request_id, None)
        if request_id:
            self.notify(_cancel_notification(request_id))

    def answered_since_check(self) -> bool:
        """Return whether responses were delivered since the last check."""
        before, self._served = self._served, self.router.delivered_count
        return self._served > before


def _raise_not_sent(end: Callable[[], TransportError]) -> NoReturn:
    raise NotSent(str(end()))


def _cancel_notification(request_id: int) -> OutgoingMessage:
    params = encode({"requestId": request_id, "reason": "the client does not wait any longer"})
    return OutgoingMessage("notifications/cancelled", params, expects_response=False)


class StreamWindow:
    """Delivers the messages of a stream, and checks that the server respects the window."""

    def __init__(self, connection: Connection, deliver: Callable[[Response], object]) -> None:
        self.id = 0
        """The request of the stream."""
        self._connection = connection
        self._deliver = deliver
        self._received = 0
        self._taken = 0
        self._acknowledged = 0
        self._exceeded = False
        self._last: float | None = None

    def deliver(self, answer: Response) -> None:
        """Deliver a message. The thread that reads the pipe calls this."""
        if self._exceeded:
            return
        if isinstance(answer, Progress):
            if answer.progress == self._last:
                return  # a duplicate after an interruption
            if self._received - self._acknowledged > WINDOW_BYTES:
                self._exceeded = True
                answer = ProtocolError("the server sent more of a stream than it was allowed to")
            else:
                self._received += answer.size
                self._deliver(answer)
                self._last = answer.progress
                return
        self._deliver(answer)

    def acknowledge(self, progress: Progress) -> None:
        """Note that a message was read; send an acknowledgement in time."""
        self._taken += progress.size
        if self._taken - self._acknowledged > WINDOW_BYTES // 2:
            self._acknowledged = self._taken
            more = write_more_params(self.id, self._acknowledged)
            self._connection.notify(
                OutgoingMessage(MORE_NOTIFICATION, more, expects_response=False)
            )
