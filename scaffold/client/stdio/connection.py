"""One process and the calls in flight to it, for whoever does the waiting.

Nothing here blocks on the pipes: what the child does not take at once is kept and sent later.
"""

import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from scaffold.client.session import Call, Outgoing, Session
from scaffold.client.stdio.inbox import Deliver, Inbox
from scaffold.client.stdio.patience import Patience
from scaffold.client.stdio.process import CALL, Launch, Process
from scaffold.client.stdio.process_log import ProcessLog
from scaffold.contract.errors import DeadlineExceeded, PeerCrashed, ProtocolError, TransportError
from scaffold.wire.eras import Code
from scaffold.wire.heads import START
from scaffold.wire.messages import (
    Message,
    WireError,
    encode,
    error_response,
    notification,
    request,
    response,
)
from scaffold.wire.progress import read_progress

__all__ = [
    "DEAF",
    "FAILED_GRACE",
    "GRACE",
    "MESSAGE_LIMIT",
    "PROBE_PATIENCE",
    "SMALL_READ",
    "TICK",
    "Connection",
    "NotSent",
]

TICK: Final = 0.5
"""Seconds between looks at whether the process lives, while calls wait: the end of its output may
not show it, because something that it started holds the pipe."""

MESSAGE_LIMIT: Final = 64 << 20
"""The longest message that is read unless the host says otherwise: 64 MiB."""

GRACE: Final = 2.0
"""Seconds that a process gets to end after the end of its input, when the channel is closed."""

FAILED_GRACE: Final = 0.2
"""The same, when the process has failed, or nobody closed the channel."""

PROBE_PATIENCE: Final = 2.0
"""Seconds of silence after which a server that has read `server/discover` is legacy."""

SMALL_READ: Final = 1 << 14
_CALL: Final = ord(CALL)
_LARGE_READ: Final = 1 << 20
_LAST_WORDS: Final = 0.3
"""Seconds that the exit status and the end of stderr are waited for."""


DEAF: Final = "the process does not read its input any more"


class NotSent(PeerCrashed):
    """The process had ended before any of the call was sent: it may be sent to another."""


class Connection(ABC):
    """A process that speaks MCP on its pipes."""

    def __init__(self, launch: Launch, session: Session, limit: int) -> None:
        self.session = session
        self.process = Process(launch)
        self._stdin, self._stdout = self.process.stdin, self.process.stdout
        self.inbox = Inbox(session.plugin, limit, self._other, session.heads)
        self.unsent = bytearray()
        """What the pipe has not taken yet."""
        self.reports: dict[int, Deliver] = {}
        """Progress token → who hears of it, until the call is over."""
        self.idle: set[int] = set()
        """Requests that nobody waits for at the moment: streams whose reader is busy elsewhere."""
        self.end: Callable[[], TransportError] | None = None
        """Makes the error of every further call, once the connection has ended."""
        self.reading = threading.Lock()
        """Held by whoever reads the output."""
        self._log = ProcessLog(self.process.stderr, session.plugin)
        self.lock = threading.RLock()
        """Held by whoever writes, gives out an id, or ends the connection."""
        self._size = SMALL_READ
        self._patience = Patience(self.inbox)
        self._served = 0
        self._finalizer = weakref.finalize(self, _end, self.process, self._log)

    def begin(self, outgoing: Outgoing, deliver: Deliver) -> int:
        """Send a request, whose answer goes to `deliver`; return its id.

        Raises `NotSent` if the process takes no more input.
        """
        inbox = self.inbox
        with self.lock:
            if self.end is not None:
                raise NotSent(str(self.end()))
            request_id = inbox.last_id = inbox.last_id + 1
            inbox.waiting[request_id] = deliver
            if outgoing.report is not None:
                self.reports[outgoing.token] = deliver
            try:
                self.send(request(request_id, outgoing.method, outgoing.params) + b"\n")
            except OSError:
                inbox.waiting.pop(request_id, None)
                raise NotSent(DEAF) from None
        return request_id

    def sender(self, call: Call) -> Callable[[Any, Deliver | None], int]:
        """Return the function that sends such calls, of which there is only a payload to say.

        It takes the payload and who hears of the answer, and returns the id. A thread that is
        reading may leave the latter out: it must then expect the answer before it ceases to read
        without it. Raises as `begin`.
        """
        dump, middle, tail = call.dump, *call.line
        inbox, waiting, unsent = self.inbox, self.inbox.waiting, self.unsent
        lock, unlock, write, join = self.lock.acquire, self.lock.release, os.write, b"".join
        stdin = self._stdin

        def send(payload: Any, deliver: Deliver | None) -> int:
            arguments = dump(payload)
            lock()
            try:
                if self.end is not None:
                    raise NotSent(str(self.end()))
                number = inbox.last_id = inbox.last_id + 1
                line = join((START, b"%d" % number, middle, arguments, tail))
                if deliver is not None:
                    waiting[number] = deliver
                try:
                    # As `self.send` does: most often nobody else writes, and the pipe takes it all.
                    written = 0 if len(waiting) > 1 or unsent else write(stdin, line)
                    if written < len(line):
                        self.send(line[written:])
                except BlockingIOError:
                    self.send(line)
                except OSError:
                    waiting.pop(number, None)
                    raise NotSent(DEAF) from None
            finally:
                unlock()
            return number

        return send

    def notify(self, outgoing: Outgoing) -> None:
        """Send a notification; a process that is gone misses nothing."""
        with self.lock:
            if self.end is None:
                try:
                    self.send(notification(outgoing.method, outgoing.params) + b"\n")
                except OSError:
                    return

    def send(self, line: bytes) -> None:
        """Write a message and its end of line, or keep what the pipe does not take."""
        if self.unsent:
            self.unsent += line
            return
        try:
            written = os.write(self._stdin, line)
        except BlockingIOError:
            written = 0
        if written < len(line):
            self.unsent += line[written:]

    def flush(self) -> None:
        """Write what was kept, as far as the pipe takes it."""
        with self.lock:
            if not self.unsent or self.end is not None:
                return
            try:
                del self.unsent[: os.write(self._stdin, self.unsent)]
            except BlockingIOError:
                return
            except OSError:
                broken = True
            else:
                broken = False
        if broken:
            self.crash()

    def read(self) -> bytes:
        """Read once; nothing if nothing has come. The end of the output ends the connection."""
        try:
            data = os.read(self._stdout, self._size)
        except BlockingIOError:
            return b""
        if not data:
            self.crash()
        return data

    def take(self, data: bytes) -> None:
        """Deliver what was read, if anything was."""
        if _CALL in data:
            data = data.replace(CALL, b"")
        if not data:
            return
        inbox = self.inbox
        try:
            inbox.feed(data)
        except ProtocolError as error:
            reason = str(error)
            self.fail(lambda: ProtocolError(reason))
        if inbox.held:
            self._patience.heard()
            self._size = _LARGE_READ
        else:
            self._size = SMALL_READ

    @abstractmethod
    def crash(self) -> None:
        """End the connection, because the process has ended or has closed a pipe."""

    def overdue(self, request_id: int, outgoing: Outgoing, seconds: float) -> DeadlineExceeded:
        """Give up a request and tell the server; return the error that says so.

        A process that will not come to itself is given up altogether.
        """
        with self.lock:
            self.inbox.waiting.pop(request_id, None)
            if outgoing.method == "tools/call":
                self.notify(_cancelled(request_id))
        what = f"{self.session.plugin}: no answer to {outgoing.name or outgoing.method}"
        cause = f"{what} within {seconds:.3g} s{self.inbox.remarks}"
        if self.unsent or self.process.unread():
            cause += "; it has not read all of its input"
        hopeless = self._patience.missed(seconds)
        if self.process.exited():
            hopeless = f"the process has ended ({self.process.status})"
        if hopeless:
            cause = f"{cause}; {hopeless}: given up"
            self.fail(lambda: PeerCrashed(cause))
        return DeadlineExceeded(cause)

    def forget(self, request_id: int) -> None:
        """Give up a request whose caller has gone away, if it has not been answered."""
        with self.lock:
            if self.inbox.waiting.pop(request_id, None) is not None:
                self.notify(_cancelled(request_id))

    def abandon(self, request_id: int) -> None:
        """Give up a request that was begun alone, and has not been answered."""
        with self.lock:
            self.inbox.waiting.pop(request_id, None)
            self.notify(_cancelled(request_id))

    def last_words(self) -> str:
        """Say how the process ended, with the last lines of its stderr. Takes a moment."""
        ended = self.process.wait(_LAST_WORDS)
        words = self._log.tail(_LAST_WORDS if ended else 0)
        how = f"the process ended ({self.process.status})"
        if not ended:
            how = "the process closed its input or output"
        error = f"{self.session.plugin}: {how}{self.inbox.remarks}"
        return f"{error}; its last lines:\n{words}" if words else error

    def fail(self, end: Callable[[], TransportError]) -> None:
        """End the connection: every call in flight, and every further one, gets the error."""
        with self.lock:
            if self.end is not None:
                return
            self.end = end
            waiting = list(self.inbox.waiting.values())
            self.inbox.waiting.clear()
        for deliver in waiting:
            deliver(end())

    def served(self) -> bool:
        """Tell whether calls were answered since this was last asked."""
        before, self._served = self._served, self.inbox.answered
        return self._served > before

    def dispose(self, grace: float = FAILED_GRACE) -> None:
        """End the process of a connection that has ended. Takes as long as the process takes."""
        if self._finalizer.detach() is not None:
            with self.lock:
                self.process.end_input()
            self.process.end(grace)
            self._log.close()
            with self.reading:
                self.process.release()

    def _other(self, message: Message, line: bytes) -> None:
        """Pass on progress; answer a legacy server's requests, of which a ping is all it can do."""
        if message.method == "notifications/progress" and self.reports:
            progress = read_progress(line)
            deliver = self.reports.get(progress.token) if progress is not None else None
            if deliver is not None:
                deliver(progress)
            return
        if message.id is UNSET or message.id is None or self.session.modern:
            return
        if message.method == "ping":
            reply = response(message.id, b"{}")
        else:
            refusal = WireError(Code.METHOD_NOT_FOUND, f"no method '{message.method}' here")
            reply = error_response(refusal, message.id)
        with self.lock:
            if self.end is None:
                try:
                    self.send(reply + b"\n")
                except OSError:
                    return


def _cancelled(request_id: int) -> Outgoing:
    params = encode({"requestId": request_id, "reason": "the client does not wait any longer"})
    return Outgoing("notifications/cancelled", params, answered=False)


def _end(process: Process, log: ProcessLog) -> None:
    """What is left to do for a connection that nobody closed."""
    process.end(FAILED_GRACE)
    log.close()
    process.release()
