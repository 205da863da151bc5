"""The channel to a plugin behind HTTP, for threads. It performs the steps of the protocol.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

import time
from _thread import start_new_thread
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from functools import partial
from threading import get_ident
from typing import Any, Final, TypeVar

from typing_extensions import override

from scaffold._concurrency.blocking_coroutines import run
from scaffold._concurrency.finalised_generators import IsFinalised, aware_of_finaliser
from scaffold._concurrency.signal_safety import Turns, Waiter, thread_id_of
from scaffold.client._http.choose_transport import Response, Transport, sync_transport
from scaffold.client._http.protocol_driver import PreparedCall, PreparedStream
from scaffold.client._http.response_parsing import plain_length
from scaffold.client._http.shared_channel import SharedHttpChannel
from scaffold.client._http.transport.io_requests import (
    Done,
    Failure,
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

_PAUSE: Final = 0.005
"""Seconds between checks for rare events: a close, the end of a renewal."""


class HttpChannel(SharedHttpChannel[Transport, Response]):
    """Calls a plugin behind HTTP. Any thread may call; connections are kept and shared.

    `headers` go with every request and are never shown. `timeout` is in seconds, for opening and
    for each call whose hook sets none. `tls_ca_bundle` is a PEM file of certificates to trust
    as well as the system's. Raises `ConnectFailed` or `ProtocolError`, with the URL and the cause.
    """

    @override
    def _connect_at_once(self) -> None:
        try:
            run(self._perform_all, self._driver.open())
        except BaseException:
            self._transport.close()
            raise

    @override
    def _open_transport(self) -> None:
        self._transport = sync_transport(self._driver.address)
        self._renewing: Turns = []
        """The threads that want to reopen the session. The first one does it."""

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook`; raise `RuntimeNotSupported` without a tool."""
        begin = self._driver.bind(hook)

        def call(payload: In) -> Out:
            if self._closed:
                raise self._driver.closed
            value: Out = self._call(begin(payload))
            return value

        return call

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.channel`."""
        begin = self._driver.stream(hook)
        read_timeout = self._driver.item_timeout(hook)
        return lambda payload: aware_of_finaliser(
            partial(self._items, begin(payload), read_timeout)
        )

    def _items(
        self, prepared: PreparedStream, read_timeout: float, is_finalised: IsFinalised
    ) -> Generator[Any]:
        if self._closed:
            raise self._driver.closed
        steps = prepared.steps()
        step = next(steps)
        while not isinstance(step, Done):
            if not isinstance(step, SendRequest):
                step = run(self._perform, steps, step)
                continue
            number = 0
            try:
                with self._transport.send(step, read_timeout=read_timeout) as response:
                    step = run(self._read, steps, response, steps.send(response))
                    while isinstance(step, YieldProgress):
                        number = step.number
                        for item in prepared.items(step.progress):
                            yield item
                        step = run(self._read, steps, response, steps.send(None))
                    number = 0
            except RequestFailed as error:
                step = steps.throw(error)
            finally:
                if number and (cancel := self._driver.cancel(number)):
                    self._give_up(cancel, waits=not is_finalised())
        for item in prepared.items(step.value):
            yield item

    def _give_up(self, cancel: SendRequest, *, waits: bool) -> None:
        if waits:
            run(self._post, cancel)
            return
        # Not `threading.Thread`, whose start waits.
        with suppress(RuntimeError):
            start_new_thread(lambda: run(self._post, cancel), ())

    def close(self) -> None:
        """End the session; calls in flight fail."""
        if self._closed:
            return
        self._closed = True
        try:
            run(self._perform_all, self._driver.end_session())
        finally:
            self._transport.close()

    def _call(self, prepared: PreparedCall) -> Any:
        """Try the fast path: one request, one JSON response. Continue with the plain steps."""
        fast = prepared.fast
        if fast is None:
            return run(self._perform_all, prepared.steps())
        steps = None
        chunk = b""
        try:
            with self._transport.send(fast.send, expects_small_body=True) as response:
                if length := plain_length(response):
                    chunk = response.read() or b""
                    if len(chunk) == length and (done := fast.read(chunk)):
                        return done.value
                steps = prepared.plain_steps_after_send()
                step = run(self._read, steps, response, resume_reading(steps, response, chunk))
        except RequestFailed as error:
            steps = steps or prepared.plain_steps_after_send()
            step = steps.throw(error)
        return run(self._finish, steps, step)

    @override
    async def _exchange(self, send: SendRequest, read: Callable[[Response], Awaitable[T]]) -> T:
        with self._transport.send(send) as response:
            return await read(response)

    @override
    async def _read_part(self, response: Response) -> bytes | None:
        return response.read()

    @override
    async def _wait(self, seconds: float) -> None:
        if self._is_closed_within(seconds):
            raise RequestFailed(Failure.CLOSED, "the channel is closed")

    def _is_closed_within(self, seconds: float) -> bool:
        """Wait for `seconds` or until the channel is closed; return whether it is closed."""
        deadline = time.monotonic() + seconds
        while not self._closed and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _PAUSE))
        return self._closed

    @override
    async def _renew(self, step: RenewSession) -> None:
        deadline = time.monotonic() + step.timeout
        queue, turn = self._renewing, Waiter(lambda _: None)
        try:
            queue.append(turn)
            if self._turn_comes(turn, deadline):
                await self._reopen(step)
        finally:
            queue.remove(turn)

    def _turn_comes(self, turn: Waiter, deadline: float) -> bool:
        """Wait for a turn to renew the session; return False if it does not come in time."""
        queue = self._renewing
        # A signal handler does not wait for the frame below it.
        while queue[0] is not turn and thread_id_of(queue[0]) != get_ident():
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        return True
