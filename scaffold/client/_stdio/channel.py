"""The channel to a plugin that is a child process, for threads."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._mcp.jsonrpc import Message
from scaffold.client._process.launch import Launch, NoRoom, Spawn
from scaffold.client._process.waits import naps
from scaffold.client._protocol.session import FunctionCall, Outgoing, Session, Talk
from scaffold.client._protocol.stream_calls import On, opener
from scaffold.client._stdio.connection.sync_connection import Pipes
from scaffold.client._stdio.connection.transport import GRACE, MESSAGE_LIMIT, NotSent
from scaffold.client._stdio.restart_policy import DYING_OF_PROBE, Supervision, closed
from scaffold.contract._errors.errors import PeerCrashed, ScaffoldError
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook

__all__ = ["StdioChannel"]

In = TypeVar("In")
Out = TypeVar("Out")

_RESTART_GRACE: Final = 2.0
"""Seconds that `close` waits for a restart that is under way."""


class StdioChannel:
    """Starts a plugin's process and calls its hooks; any thread may call.

    `env` comes on top of the host's variables, or of those that `env_inherit` names.
    `startup_timeout` and `timeout` are seconds, the latter for hooks without one of their own;
    `limit` is the longest message in bytes. Raises `ConnectFailed` if the process does not start or
    does not answer, `ProtocolError` if it speaks no MCP.
    """

    runtime = "mcp_stdio"

    def __init__(
        self,
        command: Sequence[str],
        *,
        kind: Kind,
        plugin: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        env_inherit: Sequence[str] | None = None,
        startup_timeout: float = 30.0,
        timeout: float = 60.0,
        limit: int = MESSAGE_LIMIT,
        spawn: Spawn | None = None,
    ) -> None:
        self._launch = Launch(command, cwd, env or {}, spawn, env_inherit)
        self._supervision = Supervision(kind, plugin)
        self._startup_timeout = startup_timeout
        self._timeout = timeout
        self._limit = limit
        self._lock = reentrant_lock(Rank.CHANNEL)
        """Held by a thread that begins a restart; nothing in it waits."""
        self._closed = False
        self._revival: Future[Pipes] | None = None
        self._restarter: threading.Thread | None = None
        self._starting: Pipes
        self._pipes = self._connect()
        reset_after_fork(self._in_fork)

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` if none can."""
        timeout = self._timeout if hook.timeout is None else hook.timeout
        if self._pipes.session.is_catalogue(hook):
            return lambda _payload: self._list(hook, timeout)
        repeatable = hook.idempotent or hook.read_only
        now = time.monotonic
        bound = self._caller(self._pipes, hook, timeout)

        def call(payload: In) -> Out:
            nonlocal bound
            deadline = now() + timeout
            pipes, make = bound
            if pipes is not self._pipes or pipes.end is not None:
                bound = pipes, make = self._caller(self._alive(deadline), hook, timeout)
            try:
                return make(payload, deadline)
            except PeerCrashed as error:
                if not (repeatable or isinstance(error, NotSent)):
                    raise
            bound = pipes, make = self._caller(self._alive(deadline), hook, timeout)
            return make(payload, deadline)

        return call

    def _caller(
        self, pipes: Pipes, hook: Hook[In, Out], timeout: float
    ) -> tuple[Pipes, Callable[[In, float], Out]]:
        call = pipes.session.call(hook)
        if isinstance(call, FunctionCall):
            return pipes, partial(pipes.call, call, timeout)
        return pipes, pipes.caller(call, timeout)

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.streams`."""
        timeout = self._timeout if hook.timeout is None else hook.timeout
        repeatable = hook.idempotent or hook.read_only
        open_ = opener(self._pipes.session, hook)

        def items(on: On) -> Generator[Out]:
            again = False
            while True:
                pipes = self._alive(time.monotonic() + timeout)
                stream = on(pipes.session)
                try:
                    with contextlib.closing(pipes.stream(stream.outgoing, timeout)) as messages:
                        for message in messages:
                            yield from stream.read(message)
                except PeerCrashed as error:
                    safe = repeatable or isinstance(error, NotSent)
                    if again or stream.begun or not safe:
                        raise
                    again = True
                else:
                    return

        return lambda payload: items(open_(payload))

    def close(self) -> None:
        """End the process: end of input, SIGTERM, SIGKILL. May be repeated.

        A signal handler may call it in the middle of any other call. It takes about as long as the
        process does, ten seconds at most.
        """
        self._closed = True
        self._starting.fail(closed)
        for nap in naps(_RESTART_GRACE):
            # A restart that is slower than that sees that the channel is closed, and ends itself.
            if self._revival is None or self._restarts_here():
                break
            time.sleep(nap)
        for pipes in (self._starting, self._pipes):
            pipes.fail(closed)
            pipes.dispose(GRACE)

    def _restarts_here(self) -> bool:
        """Tell whether this thread is the one that restarts: its log handler closes the channel."""
        return self._restarter is threading.current_thread()

    def _list(self, hook: Hook[Any, Out], timeout: float) -> Out:
        """Answer a catalogue hook: what the server lists now."""
        deadline = time.monotonic() + timeout
        pipes = self._alive(deadline)
        try:
            _list_tools(pipes, deadline, timeout)
        except PeerCrashed:
            pipes = self._alive(deadline)
            _list_tools(pipes, deadline, timeout)
        return hook.output.load(pipes.session.catalogue(hook))

    def _alive(self, deadline: float) -> Pipes:
        """Return the connection, a new one if the last one has ended."""
        pipes = self._pipes
        if pipes.end is None:
            return pipes
        with self._lock:
            if self._closed:
                raise closed()
            if self._pipes.end is None:
                return self._pipes
            revival = self._revival or self._begin_restart()
        try:
            return revival.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise self._supervision.too_late() from None

    def _begin_restart(self) -> "Future[Pipes]":
        """Restart on a thread of its own: it may take longer than the caller has time.

        Raises `NoRoom` if there is no room for a thread.
        """
        delay = self._supervision.restart(self._pipes)
        revival: Future[Pipes] = Future()
        thread = threading.Thread(target=self._restart, args=(revival, delay), daemon=True)
        # Before the thread runs: it takes this back when it is done. If it cannot be started, or
        # that is interrupted, this does.
        self._revival, self._restarter = revival, thread
        try:
            thread.start()
        except BaseException as error:
            if not thread.is_alive():
                self._revival = None
            if isinstance(error, RuntimeError):
                self._supervision.not_made()
                raise NoRoom(f"the plugin cannot be restarted: {error}") from None
            raise
        return revival

    def _restart(self, revival: "Future[Pipes]", delay: float) -> None:
        try:
            self._pipes.dispose()
            for nap in naps(delay):
                if not self._closed:
                    time.sleep(nap)
            self._pipes = pipes = self._connect()
            # Whichever of the two is later, this or `close`, ends the process.
            if self._closed:
                pipes.fail(closed)
                pipes.dispose()
        except ScaffoldError as error:
            if isinstance(error, NoRoom):
                self._supervision.not_made()
            self._settle(revival, error)
        except BaseException as error:
            self._settle(revival, error)
            raise
        else:
            self._settle(revival, None)

    def _settle(self, revival: "Future[Pipes]", error: BaseException | None) -> None:
        self._revival = None
        end = self._pipes.end
        if error is None and end is None:
            revival.set_result(self._pipes)
        else:
            revival.set_exception(error or (closed if end is None else end)())

    def _connect(self) -> Pipes:
        """Start a process and open a session with it."""
        session = self._supervision.session()
        deadline = time.monotonic() + self._startup_timeout

        pipes = self._start(session)
        probed = False

        def ask(outgoing: Outgoing) -> Message | None:
            nonlocal pipes, probed
            probed = probed or outgoing.probe
            try:
                return pipes.ask(outgoing, deadline, self._startup_timeout)
            except PeerCrashed:
                if not (probed and outgoing.method in DYING_OF_PROBE):
                    raise
            # The probe killed it, at once or with the next message: an old server.
            probed = False
            pipes.dispose()
            pipes = self._start(session)
            # Not `ask` itself: a function that refers to itself waits for the collector.
            return None if outgoing.probe else pipes.ask(outgoing, deadline, self._startup_timeout)

        with self._supervision.opening(session):
            try:
                _converse(session.open(), ask)
            except BaseException:
                pipes.fail(closed)
                pipes.dispose()
                raise
        pipes.served()
        return pipes

    def _in_fork(self) -> None:
        """Make a connection of one's own at the next call."""
        self._lock = reentrant_lock(Rank.CHANNEL)
        self._revival = None

    def _start(self, session: Session) -> Pipes:
        if self._closed:
            raise closed()
        self._starting = Pipes(self._launch, session, self._limit)
        return self._starting


def _converse(talk: Talk, ask: Callable[[Outgoing], Message | None]) -> None:
    outgoing = next(talk)
    with contextlib.suppress(StopIteration):
        while True:
            outgoing = talk.send(ask(outgoing))


def _list_tools(pipes: Pipes, deadline: float, seconds: float) -> None:
    _converse(pipes.session.list_tools(), lambda outgoing: pipes.ask(outgoing, deadline, seconds))
