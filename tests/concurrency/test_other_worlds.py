"""What is not asyncio and threads works, or is refused by name at once."""

import importlib.util
import subprocess
import sys

import pytest
from slow_channels import run_program
from storm_plugin import WIRES

pytestmark = pytest.mark.ci

WORKS = "".join(f"{wire} 2 1 2 3 1 3\n" for wire in WIRES)
"""What is printed where the plugin is used over each wire; see `worlds.py`."""


def needs(name):
    found = importlib.util.find_spec(name) is not None
    return pytest.mark.skipif(not found, reason=f"{name} is not installed")


@needs("nest_asyncio")
def test_a_nested_loop_runs_in_a_task_that_an_answer_has_resumed():
    said = run_program("""
        import asyncio, logging
        import nest_asyncio
        from slow_channels import asked, open_awaited

        nest_asyncio.apply()
        failed = []

        async def main():
            loop = asyncio.get_event_loop()
            loop.set_exception_handler(lambda _loop, context: failed.append(context))
            channel = open_awaited()
            await channel.connect()
            await asked(channel, "0 outer")
            print(loop.run_until_complete(asked(channel, "0 nested", "medium_timeout")))
            print(await asked(channel, "0 after"))
            await channel.aclose()

        asyncio.run(main())
        assert not failed, failed[:1]
    """)
    assert said.split() == ["nested", "after"]


AWAITED = {
    "a loop of asyncio": ("asyncio", "asyncio.run(used(folder))"),
    "uvloop": ("uvloop", "uvloop.run(used(folder))"),
    "anyio on asyncio": ("anyio", "anyio.run(used, folder)"),
    "nest_asyncio": ("nest_asyncio", "asyncio.run(nested(folder))"),
    "eager tasks": ("asyncio", "asyncio.run(eager(folder))"),
}
"""What must be installed, and how a coroutine is run there."""


@pytest.mark.parametrize("world", AWAITED)
def test_awaited_plugins_work_over_each_wire_in(world):
    module, run = AWAITED[world]
    if world == "eager tasks" and sys.version_info < (3, 12):
        pytest.skip("Python has no eager tasks before 3.12")
    pytest.importorskip(module)
    said = run_program(f"""
        import asyncio
        import {module}
        from worlds import print_each, used

        async def nested(folder):
            nest_asyncio.apply()
            return asyncio.get_running_loop().run_until_complete(used(folder))

        async def eager(folder):
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
            return await asyncio.create_task(used(folder))

        print_each(lambda folder: {run})
    """)
    assert said == WORKS


BLOCKING = {
    "a running loop": ("asyncio", "asyncio.run(awaiting(folder))"),
    "a task of trio": ("trio", "trio.run(awaiting, folder)"),
    "threads of trio": ("trio", "trio.run(trio.to_thread.run_sync, use, folder)"),
}


@pytest.mark.parametrize("world", BLOCKING)
def test_blocking_plugins_work_over_each_wire_in(world):
    module, run = BLOCKING[world]
    pytest.importorskip(module)
    said = run_program(f"""
        import {module}
        from worlds import print_each, use

        async def awaiting(folder):
            return use(folder)

        print_each(lambda folder: {run})
    """)
    assert said == WORKS


@pytest.mark.parametrize(
    "run", ["trio.run(used, folder)", "anyio.run(used, folder, backend='trio')"]
)
@needs("trio")
def test_trio_is_refused_by_name_over_each_wire(run):
    said = run_program(f"""
        import anyio, trio
        from worlds import print_each, used

        print_each(lambda folder: {run})
    """)
    refused = "RuntimeError: plugins need asyncio, but trio is running: use `Host` on a thread"
    assert [line.partition(" (")[0] for line in said.splitlines()] == [
        f"{wire} {refused}" for wire in WIRES
    ]


@pytest.mark.parametrize(
    "opened",
    [
        "AsyncInProcessChannel(streaming_plugins.Plain()).aclose()",
        "AsyncLogReaderClient(AsyncInProcessChannel(streaming_plugins.Plain())).count('ab')",
        "AsyncHttpChannel('http://127.0.0.1:1/mcp', kind=LOG_READER, plugin='lines').connect()",
        "AsyncStdioChannel(['false'], kind=LOG_READER, plugin='lines').connect()",
        "AsyncHost().start()",
        "AsyncHost().aclose()",
    ],
)
@needs("trio")
def test_trio_is_refused_by_name_by_everything_that_is_awaited(opened):
    said = run_program(f"""
        import trio, streaming_plugins
        from log_reader_v1 import LOG_READER, AsyncLogReaderClient
        from scaffold.client import AsyncHttpChannel, AsyncStdioChannel
        from scaffold.host import AsyncHost, AsyncInProcessChannel

        async def main():
            try:
                await {opened}
            except RuntimeError as error:
                print(error)

        trio.run(main)
    """)
    assert said.startswith("plugins need asyncio, but trio is running: use `Host` on a thread")


def test_anyio_on_asyncio_limits_the_time_of_a_call():
    pytest.importorskip("anyio")
    said = run_program("""
        import anyio
        from slow_channels import asked, open_awaited

        async def main():
            channel = open_awaited()
            await channel.connect()
            with anyio.move_on_after(0.3):
                await asked(channel, "9 never")
            print(await asked(channel, "0 x"))
            await channel.aclose()

        anyio.run(main)
    """)
    assert said == "x\n"


@pytest.mark.parametrize(
    ("world", "patch"),
    [
        pytest.param("gevent", "gevent.monkey.patch_all()", marks=needs("gevent")),
        pytest.param("eventlet", "eventlet.monkey_patch()", marks=needs("eventlet")),
    ],
)
@pytest.mark.parametrize("work", ["use(folder)", "asyncio.run(used(folder))"])
def test_green_threads_are_refused_by_name_over_stdio_and_work_otherwise(world, patch, work):
    said = run_program(f"""
        import warnings
        warnings.simplefilter("ignore")
        import {"gevent.monkey" if world == "gevent" else world}
        {patch}
        import asyncio
        from worlds import print_each, use, used

        print_each(lambda folder: {work})
    """)
    refused = f"ConnectFailed: {world} has replaced the threads of this process"
    assert [line.partition(", and")[0] for line in said.splitlines()] == [
        f"stdio {refused}" if line.startswith("stdio") else line for line in WORKS.splitlines()
    ]


@needs("gevent")
def test_a_process_that_gevent_starts_says_nothing_of_descriptors():
    said = run_program("""
        import gevent.monkey
        gevent.monkey.patch_all()
        import subprocess, sys
        import scaffold.client._process.descriptors

        command = [sys.executable, "-c", ""]
        print(subprocess.run(command, capture_output=True, text=True, check=True).stderr)
    """)
    assert said == "\n"


@pytest.mark.parametrize(
    "variable", ["PYTHONOPTIMIZE=2", "PYTHONSAFEPATH=1", "PYTHONDEVMODE=1", "PYTHONWARNINGS=error"]
)
def test_plugins_work_over_each_wire_with(variable):
    name, _, value = variable.partition("=")
    program = """
        import asyncio
        from worlds import print_each, use, used

        print_each(use)
        print_each(lambda folder: asyncio.run(used(folder)))
    """
    assert run_program(program, **{name: value}) == WORKS * 2


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Python has no module for them before 3.13")
def test_a_subinterpreter_is_refused_by_name():
    said = run_program("""
        import _interpreters
        program = "import sys; sys.path[:] = " + repr(__import__("sys").path) + '''
        try:
            from scaffold.host import Host
        except ImportError as error:
            print(error, flush=True)
        '''
        print(_interpreters.exec(_interpreters.create(), program))
    """)
    assert "does not support loading in subinterpreters" in said


def test_no_package_of_another_world_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, scaffold.client._stdio.channel; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"gevent", "eventlet", "trio", "uvloop"} & set(done.stdout.split())
