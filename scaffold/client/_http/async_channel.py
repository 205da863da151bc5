"""The channel to a plugin behind HTTP, for an event loop.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold.client._http.choose_transport import AsyncResponse, async_transport
from scaffold.client._http.protocol_driver import Calling, Peer, Streaming
from scaffold.client._http.response_parsing import plain_length
from scaffold.client._http.session import HttpSession
from scaffold.client._http.transport.io_requests import (
    Broken,
    Done,
    Give,
    Post,
    Read,
    Renew,
    Send,
    Step,
    Steps,
    Wait,
    resume,
)
from scaffold.client._http.transport.server_address import NO_HEADERS, Address
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook

__all__ = ["AsyncHttpChannel"]

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
        address = Address(url, headers, tls_ca_bundle=tls_ca_bundle, tls_verify=tls_verify)
        self._peer = Peer(address, HttpSession(kind, plugin, address.hide), timeout)
        self._transport = async_transport(address)
        self._renewing = asyncio.Lock()
        self._closed = False
        reset_after_fork(self._start_over)

    def _start_over(self) -> None:
        """Have connections, a session and ids of its own in a process that a fork has made."""
        self._renewing = asyncio.Lock()
        self._transport.leave_behind()
        self._transport = async_transport(self._peer.address)
        self._peer.start_over()

    async def connect(self) -> Self:
        """Open the session; raise `ConnectFailed` or `ProtocolError`, and be closed then."""
        try:
            await self._run(self._peer.open())
        except BaseException:
            self._closed = True
            await self._transport.close()
            raise
        return self

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` without a tool.

        A call that is cancelled closes its connection, which cancels the request (modern era).
        """
        begin = self._peer.bind(hook)

        async def call(payload: In) -> Out:
            if self._closed:
                raise self._peer.closed
            value: Out = await self._call(begin(payload))
            return value

        return call

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.streams`."""
        begin = self._peer.stream(hook)
        patience = self._peer.patience(hook)
        return lambda payload: self._items(begin(payload), patience)

    async def _items(self, streaming: Streaming, patience: float) -> AsyncGenerator[Any]:
        if self._closed:
            raise self._peer.closed
        steps = streaming.steps()
        step = next(steps)
        while not isinstance(step, Done):
            if not isinstance(step, Send):
                step = await self._perform(steps, step)
                continue
            number = 0
            try:
                async with self._transport.send(step, patience=patience) as response:
                    step = await self._read(steps, response, steps.send(response))
                    while isinstance(step, Give):
                        number = step.number
                        for item in streaming.items(step.progress):
                            yield item
                        step = await self._read(steps, response, steps.send(None))
                    number = 0
            except Broken as error:
                step = steps.throw(error)
            finally:
                if number and (cancel := self._peer.cancel(number)):
                    await self._post(cancel)
        for item in streaming.items(step.value):
            yield item

    async def aclose(self) -> None:
        """End the session; calls in flight fail."""
        if self._closed:
            return
        self._closed = True
        await self._run(self._peer.leave())
        await self._transport.close()

    async def _call(self, calling: Calling) -> Any:
        """Go the short way as long as it leads, and the long way from there."""
        short = calling.short
        if short is None:
            return await self._run(calling.steps())
        steps = None
        chunk = b""
        try:
            async with self._transport.send(short.send, whole=True) as response:
                if length := plain_length(response):
                    chunk = await response.read() or b""
                    if len(chunk) == length and (done := short.read(chunk)):
                        return done.value
                steps = calling.begun()
                step = await self._read(steps, response, resume(steps, response, chunk))
        except Broken as error:
            steps = steps or calling.begun()
            step = steps.throw(error)
        return await self._finish(steps, step)

    async def _run(self, steps: Steps[None]) -> Any:
        return await self._finish(steps, next(steps))

    async def _finish(self, steps: Steps[None], step: Step) -> Any:
        while not isinstance(step, Done):
            step = await self._perform(steps, step)
        return step.value

    async def _perform(self, steps: Steps[None], step: Step) -> Step:
        if isinstance(step, Send):
            try:
                async with self._transport.send(step) as response:
                    return await self._read(steps, response, steps.send(response))
            except Broken as error:
                return steps.throw(error)
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Renew):
            with suppress(TimeoutError):
                await self._renew(step)
        return steps.send(None)

    async def _renew(self, step: Renew) -> None:
        async with asyncio.timeout(step.timeout), self._renewing:
            if self._peer.session.id == step.stale:
                await self._run(self._peer.open(step.timeout))

    async def _read(self, steps: Steps[None], response: AsyncResponse, step: Step) -> Step:
        """Go on from a step while the response is being read; return the step that leaves it."""
        while True:
            if isinstance(step, Read):
                step = steps.send(await response.read())
            elif isinstance(step, Post):
                await self._post(step.send)
                step = steps.send(None)
            else:
                return step

    async def _post(self, send: Send) -> None:
        with suppress(Broken):
            async with self._transport.send(send):
                pass
