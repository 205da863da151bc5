"""What both channels to a plugin behind HTTP share: all but the hot paths and the ways to wait.

The coroutines perform the steps of the protocol. In an `HttpChannel` they block instead of
suspending: see `scaffold._concurrency.blocking_coroutines`.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold.client._http.choose_transport import (
    AsyncResponse,
    AsyncTransport,
    Response,
    Transport,
)
from scaffold.client._http.protocol_driver import ProtocolDriver
from scaffold.client._http.session import HttpSession
from scaffold.client._http.transport.io_requests import (
    Done,
    PostMessage,
    Read,
    RenewSession,
    RequestFailed,
    SendRequest,
    Step,
    Steps,
    Wait,
)
from scaffold.client._http.transport.server_address import NO_HEADERS, ServerAddress
from scaffold.contract._hooks.hook import Kind

X = TypeVar("X", Transport, AsyncTransport)
R = TypeVar("R", Response, AsyncResponse)
T = TypeVar("T")


class SharedHttpChannel(ABC, Generic[X, R]):
    """The protocol of one server, and the transport to it."""

    runtime = "mcp_http"
    _transport: X

    def __init__(
        self,
        url: str,
        *,
        kind: Kind,
        plugin: str,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout: float = 60,
        tls_ca_bundle: Path | None = None,
        tls_verify: bool = True,
    ) -> None:
        address = ServerAddress(url, headers, tls_ca_bundle=tls_ca_bundle, tls_verify=tls_verify)
        self._driver = ProtocolDriver(address, HttpSession(kind, plugin, address.redact), timeout)
        self._closed = False
        self._open_transport()
        reset_after_fork(self._reset_in_fork)
        self._connect_at_once()

    def __repr__(self) -> str:
        state = self._driver.session.describe(closed=self._closed)
        return f"<{type(self).__name__} {state}>"

    def _reset_in_fork(self) -> None:
        """Start with own connections, session and ids in a fork."""
        self._transport.abandon_in_fork()
        self._open_transport()
        self._driver.reset_in_fork()

    def _connect_at_once(self) -> None:
        """Open the session, if making the channel does that."""

    @abstractmethod
    def _open_transport(self) -> None:
        """Make a transport, and note that no call reopens the session."""

    @abstractmethod
    async def _exchange(self, send: SendRequest, read: Callable[[R], Awaitable[T]]) -> T:
        """Send a request, and return what `read` returns for its response."""

    @abstractmethod
    async def _read_part(self, response: R) -> bytes | None:
        """Return the next part of a response; see `Response.read`."""

    @abstractmethod
    async def _wait(self, seconds: float) -> None:
        """Wait; raise `RequestFailed` if the channel is closed."""

    @abstractmethod
    async def _renew(self, step: RenewSession) -> None:
        """Reopen the session, unless another call does that for longer than the timeout."""

    async def _reopen(self, step: RenewSession) -> None:
        """Reopen the session, unless another call has done that."""
        if self._driver.session.id == step.stale_session:
            await self._perform_all(self._driver.open(step.timeout))

    async def _perform_all(self, steps: Steps[None]) -> Any:
        return await self._finish(steps, next(steps))

    async def _finish(self, steps: Steps[None], step: Step) -> Any:
        while not isinstance(step, Done):
            step = await self._perform(steps, step)
        return step.value

    async def _perform(self, steps: Steps[None], step: Step) -> Step:
        try:
            if isinstance(step, SendRequest):
                return await self._exchange(
                    step, lambda response: self._read(steps, response, steps.send(response))
                )
            if isinstance(step, Wait):
                await self._wait(step.seconds)
            elif isinstance(step, RenewSession):
                await self._renew(step)
        except RequestFailed as error:
            return steps.throw(error)
        return steps.send(None)

    async def _read(self, steps: Steps[None], response: R, step: Step) -> Step:
        """Perform steps that read the response; return the first other step."""
        while True:
            if isinstance(step, Read):
                step = steps.send(await self._read_part(response))
            elif isinstance(step, PostMessage):
                await self._post(step.send)
                step = steps.send(None)
            else:
                return step

    async def _post(self, send: SendRequest) -> None:
        with suppress(RequestFailed):
            await self._exchange(send, _ignore)


async def _ignore(_response: object) -> None:
    """Leave a response unread."""
