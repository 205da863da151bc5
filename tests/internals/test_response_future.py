"""A task that waits for an answer is woken once, whatever else happens to it meanwhile.

Looks inside: The races of a future end right most of the time; the tests take its steps one by
one.
"""

import asyncio
from types import coroutine

import pytest

from scaffold.client._stdio.connection.response_future import LoopReader, ResponseFuture
from scaffold.contract._errors.errors import PeerCrashed

END = PeerCrashed("it ended")


@coroutine
def wait_for(arrival):
    yield arrival
    return arrival.answer


async def waiting_task(arrival):
    task = asyncio.create_task(wait_for(arrival))
    await asyncio.sleep(0)
    return task


@pytest.fixture
def run():
    """Runs a test in a loop that lets no callback fail."""

    def run(test):
        failed = []

        async def watched():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _loop, context: failed.append(context))
            reader = LoopReader(loop)
            await test(reader, ResponseFuture(reader, 1, 0.0, None))
            await asyncio.sleep(0)

        asyncio.run(watched())
        assert failed == []

    return run


async def in_a_callback(work):
    """Do something where no task is running, as it is where answers are read."""
    asyncio.get_running_loop().call_soon(work)
    await asyncio.sleep(0)


def test_the_answer_is_there_where_it_was_read(run):
    async def test(_reader, arrival):
        task = await waiting_task(arrival)
        done = []

        def read():
            arrival.resume(END)
            done.append(task.done())

        await in_a_callback(read)
        assert done == [True]
        assert await task is END

    run(test)


def test_an_error_wakes_the_task_in_a_turn_of_its_own(run):
    async def test(_reader, arrival):
        task = await waiting_task(arrival)
        arrival(END)
        assert not task.done()
        assert await task is END

    run(test)


@pytest.mark.parametrize("delivers", [True, False])
@pytest.mark.parametrize("deliver", [ResponseFuture.resume, ResponseFuture.__call__])
def test_an_answer_that_comes_with_the_end_of_the_task_is_dropped(run, deliver, delivers):
    async def test(reader, arrival):
        task = await waiting_task(arrival)

        def end():
            task.cancel()
            reader.delivers = delivers
            deliver(arrival, END)
            reader.delivers = False

        await in_a_callback(end)
        with pytest.raises(asyncio.CancelledError):
            await task

    run(test)


def test_of_several_answers_the_first_counts(run):
    async def test(_reader, arrival):
        task = await waiting_task(arrival)
        arrival(END)
        arrival(None)
        arrival.resume(None)
        assert await task is END

    run(test)
