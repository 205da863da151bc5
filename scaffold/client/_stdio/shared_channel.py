"""What both channels to a child process share: how a session opens, and how tools are listed again.

The coroutines perform the steps of `RestartPolicy`. In a `StdioChannel` they block instead of
suspending: see `scaffold._concurrency.blocking_coroutines`.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold._mcp.jsonrpc import Message
from scaffold.client._process.launch import Launch, Spawn
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.client._stdio.connection.transport import MAX_MESSAGE_BYTES, NotSent
from scaffold.client._stdio.restart_policy import RestartPolicy, Steps, list_steps
from scaffold.contract._errors.errors import PeerCrashed, TransportError
from scaffold.contract._hooks.hook import Hook, Kind

C = TypeVar("C", bound=Connection)
Out = TypeVar("Out")
T = TypeVar("T")


class SharedStdioChannel(ABC, Generic[C]):
    """How a plugin's process is started, and how often; the process that was started last."""

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
        limit: int = MAX_MESSAGE_BYTES,
        spawn: Spawn | None = None,
    ) -> None:
        self._launch = Launch(command, cwd, env or {}, spawn, env_inherit)
        self._restart_policy = RestartPolicy(kind, plugin)
        self._startup_timeout = startup_timeout
        self._timeout = timeout
        self._limit = limit
        self._closed = False
        self._starting: C | None = None
        self._begin()
        reset_after_fork(self._in_fork)

    def _describe(self, connection: C | None) -> str:
        if connection is None:
            return f"<{type(self).__name__} {self.runtime}, not connected>"
        session = connection.session
        state = "closed" if self._closed else "open" if connection.end is None else "ended"
        what = f"{session.plugin} ({session.kind.name}), {self.runtime}, {state}"
        return f"<{type(self).__name__} {what}>"

    @abstractmethod
    def _begin(self) -> None:
        """Note that no restart is in progress; connect, if making the channel does that."""

    @abstractmethod
    def _in_fork(self) -> None:
        """Forget the restart of the parent. The next call opens a connection of this process."""

    @abstractmethod
    def _start(self, session: ProtocolSession) -> C:
        """Start a process, and note that it is the last one."""

    @abstractmethod
    async def _live(self, deadline: float) -> C:
        """Return the open connection; restart the process if the last one has ended."""

    @abstractmethod
    async def _send(
        self, connection: C, outgoing: OutgoingMessage, deadline: float, seconds: float
    ) -> Message | None:
        """Send a message of a session; return its response, or `None` if there is none."""

    @abstractmethod
    async def _end(self, connection: C) -> None:
        """End a connection and its process, because the channel has no use for it."""

    async def _connect(self) -> C:
        """Start a process and open a session with it."""
        timeout = self._startup_timeout
        steps = self._restart_policy.open_steps(self._start)
        try:
            return await self._perform(steps, time.monotonic() + timeout, timeout)
        except BaseException:
            if self._starting is not None:
                await self._end(self._starting)
            raise

    async def _list(self, hook: Hook[Any, Out], seconds: float) -> Out:
        """Return the output of a catalog hook: the functions that the server lists now."""
        deadline = time.monotonic() + seconds
        connection = await self._live(deadline)
        try:
            await self._perform(list_steps(connection), deadline, seconds)
        except PeerCrashed:
            connection = await self._live(deadline)
            await self._perform(list_steps(connection), deadline, seconds)
        return hook.output.load(connection.session.catalogue(hook))

    async def _perform(self, steps: Steps[C, T], deadline: float, seconds: float) -> T:
        """Send each message of the steps, and give them its response; return their result."""
        try:
            connection, outgoing = next(steps)
            while True:
                answer = None
                try:
                    if outgoing is None:
                        await self._end(connection)
                    else:
                        answer = await self._send(connection, outgoing, deadline, seconds)
                except TransportError as error:
                    connection, outgoing = steps.throw(error)
                else:
                    connection, outgoing = steps.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result


def may_repeat(hook: Hook[Any, Any], error: PeerCrashed) -> bool:
    """Return whether a call can be made again, after it has failed because the process ended."""
    return hook.idempotent or hook.read_only or isinstance(error, NotSent)
