"""The channel to a plugin behind HTTP, for an event loop.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold._concurrency.forks import reset_after_fork
from scaffold.client._http.choose_transport import AsyncResponse, async_transport
from scaffold.client._http.protocol_driver import PreparedCall, PreparedStream, ProtocolDriver
from scaffold.client._http.response_parsing import plain_length
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
    YieldProgress,
    resume_reading,
)
from scaffold.client._http.transport.server_address import NO_HEADERS, ServerAddress
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook

In = TypeVar("In")
Out = TypeVar("Out")


class AsyncHttpChannel:
    """Calls a plugin behind HTTP from one event loop; `connect` it first.

    Its arguments are those of `HttpChannel`.
    """

    runtime = "mcp_http"

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
        self._transport = async_transport(address)
        self._renewing = asyncio.Lock()
        self._closed = False
        reset_after_fork(self._reset_in_fork)

    def __repr__(self) -> str:
        return f"<AsyncHttpChannel {self._driver.session.describe(closed=self._closed)}>"

    def _reset_in_fork(self) -> None:
        """Start with own connections, session and ids in a fork."""
        self._renewing = asyncio.Lock()
        self._transport.abandon_in_fork()
        self._transport = async_transport(self._driver.address)
        self._driver.reset_in_fork()

    async def connect(self) -> Self:
        """Open the session; raise `ConnectFailed` or `ProtocolError`, and be closed then."""
        try:
            await self._run(self._driver.open())
        except BaseException:
            self._closed = True
            await self._transport.close()
            raise
        return self

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` without a tool.

        A call that is cancelled closes its connection, which cancels the request (modern era).
        """
        begin = self._driver.bind(hook)

        async def call(payload: In) -> Out:
            if self._closed:
                raise self._driver.closed
            value: Out = await self._call(begin(payload))
            return value

        return call

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.channel`."""
        begin = self._driver.stream(hook)
        read_timeout = self._driver.item_timeout(hook)
        return lambda payload: self._items(begin(payload), read_timeout)

    async def _items(self, prepared: PreparedStream, read_timeout: float) -> AsyncGenerator[Any]:
        if self._closed:
            raise self._driver.closed
        steps = prepared.steps()
        step = next(steps)
        while not isinstance(step, Done):
            if not isinstance(step, SendRequest):
                step = await self._perform(steps, step)
                continue
            number = 0
            try:
                async with self._transport.send(step, read_timeout=read_timeout) as response:
                    step = await self._read(steps, response, steps.send(response))
                    while isinstance(step, YieldProgress):
                        number = step.number
                        for item in prepared.items(step.progress):
                            yield item
                        step = await self._read(steps, response, steps.send(None))
                    number = 0
            except RequestFailed as error:
                step = steps.throw(error)
            finally:
                if number and (cancel := self._driver.cancel(number)):
                    await self._post(cancel)
        for item in prepared.items(step.value):
            yield item

    async def aclose(self) -> None:
        """End the session; calls in flight fail. A cancellation is raised after that."""
        if self._closed:
            return
        self._closed = True
        await run_to_completion(self._close())

    async def _close(self) -> None:
        try:
            await self._run(self._driver.end_session())
        finally:
            await self._transport.close()

    async def _call(self, prepared: PreparedCall) -> Any:
        """Try the fast path: one request, one JSON response. Continue with the plain steps."""
        fast = prepared.fast
        if fast is None:
            return await self._run(prepared.steps())
        steps = None
        chunk = b""
        try:
            async with self._transport.send(fast.send, expects_small_body=True) as response:
                if length := plain_length(response):
                    chunk = await response.read() or b""
                    if len(chunk) == length and (done := fast.read(chunk)):
                        return done.value
                steps = prepared.plain_steps_after_send()
                step = await self._read(steps, response, resume_reading(steps, response, chunk))
        except RequestFailed as error:
            steps = steps or prepared.plain_steps_after_send()
            step = steps.throw(error)
        return await self._finish(steps, step)

    async def _run(self, steps: Steps[None]) -> Any:
        return await self._finish(steps, next(steps))

    async def _finish(self, steps: Steps[None], step: Step) -> Any:
        while not isinstance(step, Done):
            step = await self._perform(steps, step)
        return step.value

    async def _perform(self, steps: Steps[None], step: Step) -> Step:
        if isinstance(step, SendRequest):
            try:
                async with self._transport.send(step) as response:
                    return await self._read(steps, response, steps.send(response))
            except RequestFailed as error:
                return steps.throw(error)
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, RenewSession):
            with suppress(TimeoutError):
                await self._renew(step)
        return steps.send(None)

    async def _renew(self, step: RenewSession) -> None:
        async with asyncio.timeout(step.timeout), self._renewing:
            if self._driver.session.id == step.stale_session:
                await self._run(self._driver.open(step.timeout))

    async def _read(self, steps: Steps[None], response: AsyncResponse, step: Step) -> Step:
        """Perform steps that read the response; return the first other step."""
        while True:
            if isinstance(step, Read):
                step = steps.send(await response.read())
            elif isinstance(step, PostMessage):
                await self._post(step.send)
                step = steps.send(None)
            else:
                return step

    async def _post(self, send: SendRequest) -> None:
        with suppress(RequestFailed):
            async with self._transport.send(send):
                pass
