"""The answer to a call over HTTP: one JSON object, or a stream if there is progress to tell."""

import asyncio
from typing import Final

from scaffold.server._http.app.http_request import Exchange
from scaffold.server._http.edge.http_errors import status_of
from scaffold.server._protocol.call_runner import Tasks
from scaffold.server._protocol.tool_calls import Call

__all__ = ["reply"]

_WATCHED_AFTER: Final = 0.05
"""Seconds that a call may take before anyone looks whether its client still waits."""


async def reply(
    call: Call, exchange: Exchange, tasks: Tasks, *, streams: bool, modern: bool
) -> None:
    """Run a call and write its response.

    `streams` says that the client reads events. A modern client gives a call up by hanging up;
    to a legacy client that happens, and it says so when it gives up (`notifications/cancelled`).
    A stream that nobody reads any more is given up in any case.
    """
    task = asyncio.current_task()
    assert task is not None
    tasks.running[call] = task
    watched = modern or call.flow is not None
    watch = (
        tasks.loop.call_later(_WATCHED_AFTER, _watch, call, exchange, tasks) if watched else None
    )
    try:
        if call.token is not None and streams:
            await _stream(call, exchange, tasks)
        else:
            response = await tasks.finish(call, _ignore)
            await exchange.answer(status_of(call.error) if modern else 200, response)
    except asyncio.CancelledError:
        if not call.cancelled:
            raise
        await exchange.answer(202, b"")
    finally:
        del tasks.running[call]
        if watch is not None:
            watch.cancel()


async def _stream(call: Call, exchange: Exchange, tasks: Tasks) -> None:
    """Write events as they come; if none comes before the response, write no stream at all."""
    messages: asyncio.Queue[bytes | None] = asyncio.Queue()

    def tell(message: bytes) -> None:
        tasks.loop.call_soon_threadsafe(messages.put_nowait, message)

    work = asyncio.ensure_future(tasks.finish(call, tell))
    work.add_done_callback(lambda _work: messages.put_nowait(None))
    try:
        waiting = await _gathered(messages)
        if not waiting:
            await exchange.answer(status_of(call.error), work.result())
            return
        await exchange.open_stream()
        while waiting:
            await exchange.events(waiting, last=False)
            if call.flow is not None:
                call.flow.written(sum(map(len, waiting)))
            waiting = await _gathered(messages)
        await exchange.events((work.result(),), last=True)
    finally:
        work.cancel()


async def _gathered(messages: "asyncio.Queue[bytes | None]") -> list[bytes]:
    """Return the messages that have come, once there are some; none if there will be no more."""
    gathered: list[bytes] = []
    message = await messages.get()
    while message is not None:
        gathered.append(message)
        if messages.empty():
            return gathered
        message = messages.get_nowait()
    if gathered:
        messages.put_nowait(None)
    return gathered


def _watch(call: Call, exchange: Exchange, tasks: Tasks) -> None:
    task = tasks.running.get(call)
    if task is None:
        return
    gone = asyncio.ensure_future(exchange.gone())
    gone.add_done_callback(lambda ended: None if ended.cancelled() else tasks.cancel(call))
    task.add_done_callback(lambda _task: gone.cancel())


def _ignore(_message: bytes) -> None:
    """Drop the progress of a call whose client did not ask for it."""
