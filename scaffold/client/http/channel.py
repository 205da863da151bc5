"""Channels to plugins behind HTTP: they perform the steps of the protocol, blocking or not.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self, TypeVar

from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import StreamRequest, SyncStreamRequest
from pyreqwest.response import Response, SyncResponse

from scaffold.client.http.address import Address
from scaffold.client.http.answer import plain_length
from scaffold.client.http.library import (
    Templates,
    async_client,
    fill,
    parse,
    read_failure,
    sync_client,
)
from scaffold.client.http.peer import Calling, Peer
from scaffold.client.http.session import HttpSession
from scaffold.client.http.steps import (
    Broken,
    Done,
    Failure,
    Post,
    Read,
    Renew,
    Send,
    Step,
    Steps,
    Wait,
)
from scaffold.contract.errors import RuntimeNotSupported
from scaffold.contract.hook import Hook, Kind, StreamHook

__all__ = ["AsyncHttpChannel", "HttpChannel"]

In = TypeVar("In")
Out = TypeVar("Out")

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_FIRST: Final = 1
"""Bytes of a body that the short way wants with its head: a small answer comes whole with them."""


class HttpChannel:
    """Calls a plugin behind HTTP. Any thread may call; connections are kept and shared.

    `headers` go with every request and are never shown. `timeout` is in seconds, for opening and
    for each call whose hook sets none. `tls_ca_bundle` is a PEM file of certificates to trust
    beside the system's. Raises `ConnectFailed` or `ProtocolError`, with the URL and the cause.
    """

    runtime = "mcp_http"

    def __init__(
        self,
        url: str,
        *,
        kind: Kind,
        plugin: str,
        headers: Mapping[str, str] = _NONE,
        timeout: float = 60,
        tls_ca_bundle: Path | None = None,
        tls_verify: bool = True,
    ) -> None:
        address = Address(url, headers, tls_ca_bundle=tls_ca_bundle, tls_verify=tls_verify)
        self._peer = Peer(address, HttpSession(kind, plugin), timeout)
        self._url = parse(address)
        self._client = sync_client(address)
        self._templates = Templates(lambda send: self._request(send, ahead=_FIRST))
        self._renewing = threading.Lock()
        self._closing = threading.Event()
        try:
            self._run(self._peer.open())
        except BaseException:
            self._client.close()
            raise

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` without a tool."""
        begin = self._peer.bind(hook)

        def call(payload: In) -> Out:
            if self._closing.is_set():
                raise self._peer.closed
            value: Out = self._call(begin(payload))
            return value

        return call

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Refuse: streams do not cross a wire yet."""
        raise RuntimeNotSupported(hook.kind.name, f"'{hook.name}' streams, in process only so far")

    def close(self) -> None:
        """End the session; calls in flight fail."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._run(self._peer.leave())
        self._client.close()

    def _call(self, calling: Calling) -> Any:
        """Go the short way as long as it leads, and the long way from there."""
        short = calling.short
        if short is None:
            return self._run(calling.steps())
        steps = None
        chunk = b""
        try:
            with self._templates.request(short.send) as response:
                if length := plain_length(response):
                    first = response.body_reader.read_chunk()
                    chunk = b"" if first is None else first.to_bytes()
                    if len(chunk) == length and (done := short.read(chunk)):
                        return done.value
                steps = calling.begun()
                step = self._read(steps, response, chunk)
        except PyreqwestError as error:
            steps = steps or calling.begun()
            step = steps.throw(read_failure(error))
        return self._finish(steps, step)

    def _run(self, steps: Steps[None]) -> Any:
        return self._finish(steps, next(steps))

    def _finish(self, steps: Steps[None], step: Step) -> Any:
        while not isinstance(step, Done):
            step = self._perform(steps, step)
        return step.value

    def _perform(self, steps: Steps[None], step: Step) -> Step:
        if isinstance(step, Send):
            try:
                with self._request(step) as response:
                    return self._read(steps, response)
            except PyreqwestError as error:
                return steps.throw(read_failure(error))
        if isinstance(step, Wait):
            if self._closing.wait(step.seconds):
                return steps.throw(Broken(Failure.CLOSED, "the channel is closed"))
        elif isinstance(step, Renew):
            self._renew(step)
        return steps.send(None)

    def _renew(self, step: Renew) -> None:
        """Open the session anew, unless another call is at it for all the time allowed."""
        if self._renewing.acquire(timeout=step.timeout):
            try:
                if self._peer.session.id == step.stale:
                    self._run(self._peer.open(step.timeout))
            finally:
                self._renewing.release()

    def _read(self, steps: Steps[None], response: SyncResponse, first: bytes = b"") -> Step:
        """Go on while the response is being read; return the step that leaves it.

        `first` is what has been read of it already.
        """
        step = steps.send(response)
        if first and isinstance(step, Read):
            step = steps.send(first)
        while True:
            if isinstance(step, Read):
                chunk = response.body_reader.read_chunk()
                step = steps.send(None if chunk is None else bytes(chunk))
            elif isinstance(step, Post):
                self._post(step.send)
                step = steps.send(None)
            else:
                return step

    def _post(self, send: Send) -> None:
        with suppress(PyreqwestError), self._request(send):
            pass

    def _request(self, send: Send, *, ahead: int = 0) -> SyncStreamRequest:
        builder = self._client.request(send.method, self._url)
        return fill(builder, send, ahead=ahead).build_streamed()


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
        headers: Mapping[str, str] = _NONE,
        timeout: float = 60,
        tls_ca_bundle: Path | None = None,
        tls_verify: bool = True,
    ) -> None:
        address = Address(url, headers, tls_ca_bundle=tls_ca_bundle, tls_verify=tls_verify)
        self._peer = Peer(address, HttpSession(kind, plugin), timeout)
        self._url = parse(address)
        self._client = async_client(address)
        self._templates = Templates(lambda send: self._request(send, ahead=_FIRST))
        self._renewing = asyncio.Lock()
        self._closed = False

    async def connect(self) -> Self:
        """Open the session; raise `ConnectFailed` or `ProtocolError`, and be closed then."""
        try:
            await self._run(self._peer.open())
        except BaseException:
            self._closed = True
            await self._client.close()
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
        """Refuse: streams do not cross a wire yet."""
        raise RuntimeNotSupported(hook.kind.name, f"'{hook.name}' streams, in process only so far")

    async def aclose(self) -> None:
        """End the session; calls in flight fail."""
        if self._closed:
            return
        self._closed = True
        await self._run(self._peer.leave())
        await self._client.close()

    async def _call(self, calling: Calling) -> Any:
        """Go the short way as long as it leads, and the long way from there."""
        short = calling.short
        if short is None:
            return await self._run(calling.steps())
        steps = None
        chunk = b""
        try:
            async with self._templates.request(short.send) as response:
                if length := plain_length(response):
                    first = await response.body_reader.read_chunk()
                    chunk = b"" if first is None else first.to_bytes()
                    if len(chunk) == length and (done := short.read(chunk)):
                        return done.value
                steps = calling.begun()
                step = await self._read(steps, response, chunk)
        except PyreqwestError as error:
            steps = steps or calling.begun()
            step = steps.throw(read_failure(error))
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
                async with self._request(step) as response:
                    return await self._read(steps, response)
            except PyreqwestError as error:
                return steps.throw(read_failure(error))
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

    async def _read(self, steps: Steps[None], response: Response, first: bytes = b"") -> Step:
        """Go on while the response is being read; return the step that leaves it.

        `first` is what has been read of it already.
        """
        step = steps.send(response)
        if first and isinstance(step, Read):
            step = steps.send(first)
        while True:
            if isinstance(step, Read):
                chunk = await response.body_reader.read_chunk()
                step = steps.send(None if chunk is None else bytes(chunk))
            elif isinstance(step, Post):
                await self._post(step.send)
                step = steps.send(None)
            else:
                return step

    async def _post(self, send: Send) -> None:
        with suppress(PyreqwestError):
            async with self._request(send):
                pass

    def _request(self, send: Send, *, ahead: int = 0) -> StreamRequest:
        builder = self._client.request(send.method, self._url)
        return fill(builder, send, ahead=ahead).build_streamed()
