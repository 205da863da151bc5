"""The channel to a plugin behind HTTP, for an event loop.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Self, TypeVar

from typing_extensions import override

from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold._concurrency.unsupported import running_loop
from scaffold.client._http.choose_transport import AsyncResponse, AsyncTransport, async_transport
from scaffold.client._http.protocol_driver import PreparedCall, PreparedStream
from scaffold.client._http.response_parsing import plain_length
from scaffold.client._http.shared_channel import SharedHttpChannel
from scaffold.client._http.transport.io_requests import (
    Done,
    RenewSession,
    RequestFailed,
    SendRequest,
    YieldProgress,
    resume_reading,
)
from scaffold.contract._hooks.hook import Hook, StreamHook

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")


class AsyncHttpChannel(SharedHttpChannel[AsyncTransport, AsyncResponse]):
    """Calls a plugin behind HTTP from one event loop; `connect` it first.

    Its arguments are those of `HttpChannel`.
    """

    @override
    def _open_transport(self) -> None:
        self._transport = async_transport(self._driver.address)
        self._renewing = asyncio.Lock()

    async def connect(self) -> Self:
        """Open the session; raise `ConnectFailed` or `ProtocolError`, and be closed then."""
        running_loop()
        try:
            await self._perform_all(self._driver.open())
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
            await self._perform_all(self._driver.end_session())
        finally:
            await self._transport.close()

    async def _call(self, prepared: PreparedCall) -> Any:
        """Try the fast path: one request, one JSON response. Continue with the plain steps."""
        fast = prepared.fast
        if fast is None:
            return await self._perform_all(prepared.steps())
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

    @override
    async def _exchange(
        self, send: SendRequest, read: Callable[[AsyncResponse], Awaitable[T]]
    ) -> T:
        async with self._transport.send(send) as response:
            return await read(response)

    @override
    async def _read_part(self, response: AsyncResponse) -> bytes | None:
        return await response.read()

    @override
    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @override
    async def _renew(self, step: RenewSession) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(step.timeout), self._renewing:
                await self._reopen(step)
