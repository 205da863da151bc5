"""What is not asyncio and threads works, or is refused by name at once."""

import importlib.util
import subprocess
import sys

import pytest
from slow_channels import run_program

pytestmark = pytest.mark.ci


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


@needs("uvloop")
def test_uvloop_runs_awaited_channels():
    said = run_program("""
        import asyncio
        import uvloop
        from slow_channels import asked, open_awaited

        async def main():
            channel = open_awaited()
            await channel.connect()
            print(*await asyncio.gather(*(asked(channel, f"0 {n}") for n in range(5))))
            await channel.aclose()

        uvloop.run(main())
    """)
    assert said == "0 1 2 3 4\n"


@needs("trio")
def test_trio_is_refused_by_name():
    said = run_program("""
        import trio
        from slow_channels import open_awaited

        async def main():
            try:
                await open_awaited().connect()
            except RuntimeError as error:
                print(error)

        trio.run(main)
    """)
    assert said.startswith("plugins need asyncio, but trio is running: use `Host` on a thread")


@needs("trio")
def test_threads_of_trio_use_blocking_channels():
    said = run_program("""
        import trio
        from slow_channels import ask, open_blocking

        async def main():
            channel = await trio.to_thread.run_sync(open_blocking)
            print(await trio.to_thread.run_sync(ask, channel, "0 x"))
            await trio.to_thread.run_sync(channel.close)

        trio.run(main)
    """)
    assert said == "x\n"


def test_anyio_on_asyncio_runs_awaited_channels():
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
def test_green_threads_are_refused_by_name(world, patch):
    said = run_program(f"""
        import warnings
        warnings.simplefilter("ignore")
        import {"gevent.monkey" if world == "gevent" else world}
        {patch}
        from slow_channels import open_blocking

        try:
            open_blocking()
        except Exception as error:
            print(type(error).__name__, error)
    """)
    assert said.startswith(f"ConnectFailed {world} has replaced the threads of this process")


def test_everything_works_without_assertions():
    program = (
        "from slow_channels import ask, open_blocking; channel = open_blocking();"
        "print(ask(channel, '0 x')); channel.close()"
    )
    said = run_program(
        "import subprocess, sys; subprocess.run([sys.executable, '-O', '-c', sys.argv[1]])", program
    )
    assert said == "x\n"


def test_no_package_of_another_world_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, scaffold.client._stdio.channel; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"gevent", "eventlet", "trio", "uvloop"} & set(done.stdout.split())
