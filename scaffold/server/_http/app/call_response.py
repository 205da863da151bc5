"""The HTTP response to a call: one JSON object, or a stream of events if there is progress."""

import asyncio
from typing import Final

from scaffold.server._http.app.http_exchange import HttpExchange
from scaffold.server._http.edge.http_errors import status_of
from scaffold.server._protocol.call_runner import CallRunner
from scaffold.server._protocol.tool_calls import Call

_WATCH_DELAY: Final = 0.05
"""Seconds after which the server watches for a disconnect of the client."""


async def respond_to_call(
    call: Call, exchange: HttpExchange, runner: CallRunner, *, streams: bool, modern: bool
) -> None:
    """Run a call and write its response.

    A disconnect cancels the call of a modern client, and any stream. A legacy client cancels with
    `notifications/cancelled`; its connection may break while it still wants the call.

    Args:
        call: The call to run.
        exchange: The HTTP request to respond to.
        runner: Runs the call.
        streams: True if the client accepts a stream of events.
        modern: True if the client is modern.
    """
    task = asyncio.current_task()
    assert task is not None
    runner.running[call] = task
    is_watched = modern or call.flow is not None
    watcher = (
        runner.loop.call_later(_WATCH_DELAY, _cancel_on_disconnect, call, exchange, runner)
        if is_watched
        else None
    )
    try:
        if call.progress_token is not None and streams:
            await _stream_events(call, exchange, runner)
        else:
            response = await runner.run(call, _ignore)
            await exchange.respond(status_of(call.error) if modern else 200, response)
    except asyncio.CancelledError:
        if not call.cancelled:
            raise
        await exchange.respond(202, b"")
    finally:
        del runner.running[call]
        if watcher is not None:
            watcher.cancel()


async def _stream_events(call: Call, exchange: HttpExchange, runner: CallRunner) -> None:
    """Write messages as events; if the response comes first, write it as one JSON object."""
    messages: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(message: bytes) -> None:
        runner.loop.call_soon_threadsafe(messages.put_nowait, message)

    work = asyncio.ensure_future(runner.run(call, send))
    work.add_done_callback(lambda _work: messages.put_nowait(None))
    try:
        batch = await _next_batch(messages)
        if not batch:
            await exchange.respond(status_of(call.error), work.result())
            return
        await exchange.open_stream()
        while batch:
            await exchange.send_events(batch, last=False)
            if call.flow is not None:
                call.flow.acknowledge_more(sum(map(len, batch)))
            batch = await _next_batch(messages)
        await exchange.send_events((work.result(),), last=True)
    finally:
        work.cancel()


async def _next_batch(messages: "asyncio.Queue[bytes | None]") -> list[bytes]:
    """Wait for messages and return all that are there; an empty list at the end."""
    batch: list[bytes] = []
    message = await messages.get()
    while message is not None:
        batch.append(message)
        if messages.empty():
            return batch
        message = messages.get_nowait()
    if batch:
        messages.put_nowait(None)
    return batch


def _cancel_on_disconnect(call: Call, exchange: HttpExchange, runner: CallRunner) -> None:
    task = runner.running.get(call)
    if task is None:
        return
    disconnect = asyncio.ensure_future(exchange.wait_for_disconnect())
    disconnect.add_done_callback(lambda ended: None if ended.cancelled() else runner.cancel(call))
    task.add_done_callback(lambda _task: disconnect.cancel())


def _ignore(_message: bytes) -> None:
    """Discard the progress of a call whose client did not ask for it."""
