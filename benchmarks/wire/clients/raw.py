"""The floors: the least that a caller can do, over a pipe and over HTTP."""

import asyncio
import itertools
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import orjson

from benchmarks.wire.clients.connection import Connection

__all__ = ["by_hand", "http", "http_async", "stdio", "stdio_async"]

_LONGEST_LINE = 16_000_000


def _same(value: Any) -> Any:
    return value


@contextmanager
def _lines(command: list[str]) -> Iterator[Any]:
    """Start a server; yield the function that writes one line and reads one."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        write, flush, read = process.stdin.write, process.stdin.flush, process.stdout.readline

        def exchange(line: bytes) -> bytes:
            write(line + b"\n")
            flush()
            return read()

        yield exchange


@contextmanager
def stdio(command: list[str]) -> Iterator[Connection]:
    """JSON over a pipe."""
    with _lines(command) as exchange:
        yield Connection(lambda value: orjson.loads(exchange(orjson.dumps(value))), _same, _same)


@contextmanager
def by_hand(command: list[str]) -> Iterator[Connection]:
    """JSON over a pipe, in and out of the generated models."""
    from pydantic import TypeAdapter

    from benchmarks.wire.bench_v1.models import EchoInput, EchoOutput

    load = TypeAdapter(EchoOutput).validate_json
    dump = TypeAdapter(EchoInput).dump_json
    with _lines(command) as exchange:
        yield Connection(
            lambda value: load(exchange(dump(value))),
            EchoInput.model_validate,
            lambda answer: answer.model_dump(),
        )


@asynccontextmanager
async def stdio_async(command: list[str]) -> AsyncIterator[Connection]:
    """JSON over a pipe from an event loop, answers told apart by id."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    write, read = process.stdin.write, process.stdout.readline
    loop = asyncio.get_running_loop()
    numbers = itertools.count()
    waiting: dict[int, asyncio.Future[Any]] = {}

    async def receive() -> None:
        while line := await read():
            answer = orjson.loads(line)
            waiting.pop(answer["id"]).set_result(answer["payload"])

    async def call(value: Any) -> Any:
        number = next(numbers)
        future = waiting[number] = loop.create_future()
        write(orjson.dumps({"id": number, "payload": value}) + b"\n")
        return await future

    receiving = asyncio.create_task(receive())
    yield Connection(call, _same, _same)
    process.stdin.close()
    await receiving
    await process.wait()


_MINUTE = 60.0


@contextmanager
def http(url: str) -> Iterator[Connection]:
    """JSON over HTTP, over the transport that ours uses."""
    from scaffold.client._http.choose_transport import sync_transport
    from scaffold.client._http.transport.io_requests import SendRequest
    from scaffold.client._http.transport.server_address import ServerAddress

    carrier = sync_transport(ServerAddress(url, {}))
    headers: dict[str, str] = {}

    def call(value: Any) -> Any:
        with carrier.send(SendRequest("POST", headers, orjson.dumps(value), _MINUTE)) as response:
            return orjson.loads(b"".join(iter(response.read, None)))

    yield Connection(call, _same, _same)
    carrier.close()


@asynccontextmanager
async def http_async(url: str) -> AsyncIterator[Connection]:
    """JSON over HTTP from an event loop, over the transport that ours uses."""
    from scaffold.client._http.choose_transport import async_transport
    from scaffold.client._http.transport.io_requests import SendRequest
    from scaffold.client._http.transport.server_address import ServerAddress

    carrier = async_transport(ServerAddress(url, {}))
    headers: dict[str, str] = {}

    async def call(value: Any) -> Any:
        async with carrier.send(
            SendRequest("POST", headers, orjson.dumps(value), _MINUTE)
        ) as response:
            body = b""
            while chunk := await response.read():
                body += chunk
            return orjson.loads(body)

    yield Connection(call, _same, _same)
    await carrier.close()
