"""The channel to a plugin behind HTTP, for threads. It performs the steps of the protocol.

Source: MCP 2026-07-28 and 2025-11-25, Streamable HTTP.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Any, Final, TypeVar

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.signal_safety import Turns, Waiter, thread_id_of
from scaffold.client._http.choose_transport import Response, sync_transport
from scaffold.client._http.protocol_driver import PreparedCall, PreparedStream, ProtocolDriver
from scaffold.client._http.response_parsing import plain_length
from scaffold.client._http.session import HttpSession
from scaffold.client._http.transport.io_requests import (
    Done,
    Failure,
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

_PAUSE: Final = 0.005
"""Seconds between checks for rare events: a close, the end of a renewal."""


class HttpChannel:
    """Calls a plugin behind HTTP. Any thread may call; connections are kept and shared.

    `headers` go with every request and are never shown. `timeout` is in seconds, for opening and
    for each call whose hook sets none. `tls_ca_bundle` is a PEM file of certificates to trust
    as well as the system's. Raises `ConnectFailed` or `ProtocolError`, with the URL and the cause.
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
        self._transport = sync_transport(address)
        self._renewing: Turns = []
        """The threads that want to reopen the session. The first one does it."""
        self._closed = False
        reset_after_fork(self._reset_in_fork)
        try:
            self._run(self._driver.open())
        except BaseException:
            self._transport.close()
            raise

    def __repr__(self) -> str:
        return f"<HttpChannel {self._driver.session.describe(closed=self._closed)}>"

    def _reset_in_fork(self) -> None:
        """Start with own connections, session and ids in a fork."""
        self._renewing = []
        self._transport.abandon_in_fork()
        self._transport = sync_transport(self._driver.address)
        self._driver.reset_in_fork()

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
        return lambda payload: self._items(begin(payload), read_timeout)

    def _items(self, prepared: PreparedStream, read_timeout: float) -> Generator[Any]:
        if self._closed:
            raise self._driver.closed
        steps = prepared.steps()
        step = next(steps)
        while not isinstance(step, Done):
            if not isinstance(step, SendRequest):
                step = self._perform(steps, step)
                continue
            number = 0
            try:
                with self._transport.send(step, read_timeout=read_timeout) as response:
                    step = self._read(steps, response, steps.send(response))
                    while isinstance(step, YieldProgress):
                        number = step.number
                        for item in prepared.items(step.progress):
                            yield item
                        step = self._read(steps, response, steps.send(None))
                    number = 0
            except RequestFailed as error:
                step = steps.throw(error)
            finally:
                if number and (cancel := self._driver.cancel(number)):
                    self._post(cancel)
        for item in prepared.items(step.value):
            yield item

    def close(self) -> None:
        """End the session; calls in flight fail."""
        if self._closed:
            return
        self._closed = True
        try:
            self._run(self._driver.end_session())
        finally:
            self._transport.close()

    def _call(self, prepared: PreparedCall) -> Any:
        """Try the fast path: one request, one JSON response. Continue with the plain steps."""
        fast = prepared.fast
        if fast is None:
            return self._run(prepared.steps())
        steps = None
        chunk = b""
        try:
            with self._transport.send(fast.send, expects_small_body=True) as response:
                if length := plain_length(response):
                    chunk = response.read() or b""
                    if len(chunk) == length and (done := fast.read(chunk)):
                        return done.value
                steps = prepared.plain_steps_after_send()
                step = self._read(steps, response, resume_reading(steps, response, chunk))
        except RequestFailed as error:
            steps = steps or prepared.plain_steps_after_send()
            step = steps.throw(error)
        return self._finish(steps, step)

    def _run(self, steps: Steps[None]) -> Any:
        return self._finish(steps, next(steps))

    def _finish(self, steps: Steps[None], step: Step) -> Any:
        while not isinstance(step, Done):
            step = self._perform(steps, step)
        return step.value

    def _perform(self, steps: Steps[None], step: Step) -> Step:
        if isinstance(step, SendRequest):
            try:
                with self._transport.send(step) as response:
                    return self._read(steps, response, steps.send(response))
            except RequestFailed as error:
                return steps.throw(error)
        if isinstance(step, Wait):
            if self._is_closed_within(step.seconds):
                return steps.throw(RequestFailed(Failure.CLOSED, "the channel is closed"))
        elif isinstance(step, RenewSession):
            self._renew(step)
        return steps.send(None)

    def _renew(self, step: RenewSession) -> None:
        """Reopen the session, unless another call does that for longer than the timeout."""
        deadline = time.monotonic() + step.timeout
        queue, turn = self._renewing, Waiter(lambda _: None)
        try:
            queue.append(turn)
            comes = self._turn_comes(turn, deadline)
            if comes and self._driver.session.id == step.stale_session:
                self._run(self._driver.open(step.timeout))
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

    def _is_closed_within(self, seconds: float) -> bool:
        """Wait for `seconds` or until the channel is closed; return whether it is closed."""
        deadline = time.monotonic() + seconds
        while not self._closed and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _PAUSE))
        return self._closed

    def _read(self, steps: Steps[None], response: Response, step: Step) -> Step:
        """Perform steps that read the response; return the first other step."""
        while True:
            if isinstance(step, Read):
                step = steps.send(response.read())
            elif isinstance(step, PostMessage):
                self._post(step.send)
                step = steps.send(None)
            else:
                return step

    def _post(self, send: SendRequest) -> None:
        with suppress(RequestFailed), self._transport.send(send):
            pass
