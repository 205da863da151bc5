"""The typed clients of the benchmarks' kind, over every channel."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

from benchmarks.wire.bench_v1 import (
    BENCH,
    AsyncBenchClient,
    BenchClient,
    EchoExactInput,
    EchoInput,
)
from benchmarks.wire.clients.connection import Connection
from scaffold.client._http import AsyncHttpChannel, HttpChannel
from scaffold.client._process.fork_server_client import ForkServers
from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.contract import Model

__all__ = ["connect", "connect_async", "connect_exact", "fork_server"]


def _json(answer: Model) -> object:
    return answer.model_dump()


def _channel(target: list[str] | str) -> StdioChannel | HttpChannel:
    if isinstance(target, str):
        return HttpChannel(target, kind=BENCH, plugin="bench")
    return StdioChannel(target, kind=BENCH, plugin="bench")


@contextmanager
def connect(target: list[str] | str) -> Iterator[Connection]:
    """Call and wait."""
    with BenchClient(_channel(target)) as client:
        yield Connection(client.echo, EchoInput.model_validate, _json)


@contextmanager
def fork_server(
    command: list[str],
) -> Iterator[Callable[[list[str] | str], AbstractContextManager[Connection]]]:
    """Have a fork server ready; yields what connects to a fork, as `connect` does."""
    forks = ForkServers()
    spawn = forks.prepare(command, {})

    @contextmanager
    def connect(target: list[str] | str) -> Iterator[Connection]:
        with BenchClient(StdioChannel(target, kind=BENCH, plugin="bench", spawn=spawn)) as client:
            yield Connection(client.echo, EchoInput.model_validate, _json)

    yield connect
    forks.close()


@contextmanager
def connect_exact(target: list[str] | str) -> Iterator[Connection]:
    """Call the hook whose payloads only the schema can judge, and wait."""
    with BenchClient(_channel(target)) as client:
        yield Connection(client.echo_exact, EchoExactInput.model_validate, _json)


@asynccontextmanager
async def connect_async(target: list[str] | str) -> AsyncIterator[Connection]:
    """Call from an event loop."""
    channel = (
        AsyncHttpChannel(target, kind=BENCH, plugin="bench")
        if isinstance(target, str)
        else AsyncStdioChannel(target, kind=BENCH, plugin="bench")
    )
    await channel.connect()
    async with AsyncBenchClient(channel) as client:
        yield Connection(client.echo, EchoInput.model_validate, _json)
