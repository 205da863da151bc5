"""Hosts under everything at once, over each wire: none wrong, lost or hung, nothing left."""

import os

import pytest
from slow_channels import run_program
from storm_plugin import WIRES

SECONDS = float(os.environ.get("STORM_SECONDS", "3"))

pytestmark = pytest.mark.slow


def storm(program, wire):
    return run_program(program, wire, seconds=SECONDS + 240)


@pytest.mark.parametrize("wire", WIRES)
def test_everything_at_once_for_threads(wire):
    """Interrupts, reloads, kills, forks and closes while threads call."""
    storm(
        """
        import os, random, sys, threading, time, warnings
        from scaffold.host import Host
        from storms import Interrupts, Storm
        from storm_plugin import CLIENTS, counts, folder_for, kill, say

        warnings.simplefilter("ignore", DeprecationWarning)
        wire = sys.argv[1]
        storm, interrupts = Storm(), Interrupts()

        def fork(client):
            child = os.fork()
            if not child:
                try:
                    os._exit(0 if say(client, "fork") == "fork" else 1)
                finally:
                    os._exit(2)
            return lambda: str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        def round(folder):
            host = Host()
            client = host.load(folder, CLIENTS[False])
            say(client, "first")  # imports what a call needs: a fork never gets a lock of an import
            over = threading.Event()

            def calls(which):
                number = 0
                while not over.is_set():
                    number += 1
                    seconds = random.choice(["0", "0", "0.001"])
                    storm.call(lambda said: say(client, said, seconds), f"{which}-{number}")

            def reloads():
                while not over.is_set():
                    time.sleep(random.random() / 10)
                    storm.do("reload", lambda: host.reload("storm", keep=random.random() < 0.5))
                    if wire == "stdio" and random.random() < 0.3:
                        kill()

            threads = [threading.Thread(target=calls, args=(n,)) for n in range(3)]
            threads.append(threading.Thread(target=reloads))
            for thread in threads:
                thread.start()
            # A fork in the middle of an import has its locks: no thread that reloads runs then.
            end = time.monotonic() + random.uniform(0.2, 1.5)
            number = 0
            while time.monotonic() < end:
                number += 1
                interrupts.run(
                    lambda: storm.call(lambda said: say(client, said), f"m{number}")
                )
            if random.random() < 0.5:
                over.set()  # else it is closed while threads call
            host.close()
            over.set()
            for thread in threads:
                thread.join()
            assert not host.plugins and counts["setup"] == counts["teardown"], counts

        def round_of_forks(folder):
            with Host() as host:
                client = host.load(folder, CLIENTS[False])
                say(client, "first")
                over = threading.Event()

                def calls():
                    while not over.is_set():
                        storm.call(lambda said: say(client, said), str(random.random()))

                threads = [threading.Thread(target=calls) for _ in range(3)]
                for thread in threads:
                    thread.start()
                forks = [fork(client) for _ in range(2)]
                for ended in forks:
                    status = ended()
                    storm.came["right" if status == "0" else f"fork {status}"] += 1
                over.set()
                for thread in threads:
                    thread.join()
            assert counts["setup"] == counts["teardown"], counts

        with folder_for(wire) as folder:
            while storm.rages:
                round(folder)
                round_of_forks(folder)
        storm.finish("ConnectFailed", "PluginError", "PeerCrashed", "NotSent", "reload")
        """,
        wire,
    )


@pytest.mark.parametrize("wire", WIRES)
def test_everything_at_once_for_tasks(wire):
    """Cancellations, deadlines, reloads, kills and closes while tasks call."""
    storm(
        """
        import asyncio, random, sys
        from scaffold.contract._errors.errors import ScaffoldError
        from scaffold.host import AsyncHost
        from storms import Storm
        from storm_plugin import CLIENTS, counts, folder_for, kill, said

        wire = sys.argv[1]
        storm = Storm()

        async def call(client, what):
            seconds = random.choice(["0", "0", "0.001"])
            try:
                async with asyncio.timeout(random.choice([0.001, 9, 9])):
                    answer = await said(client, what, seconds)
            except ScaffoldError as error:
                storm.came[type(error).__name__] += 1
            except TimeoutError:
                storm.came["TimeoutError"] += 1
            else:
                storm.came["right" if answer == what else "wrong"] += 1

        async def reloads(host):
            while True:
                await asyncio.sleep(random.random() / 10)
                try:
                    async with asyncio.timeout(random.choice([random.random() / 20, 9])):
                        await host.reload("storm", keep=random.random() < 0.5)
                except (ScaffoldError, TimeoutError):
                    storm.came["reload"] += 1
                if wire == "stdio" and random.random() < 0.3:
                    kill()

        async def calls(client, which):
            number = 0
            while True:
                number += 1
                what = [f"{which}-{number}-{n}" for n in range(6)]
                tasks = [asyncio.create_task(call(client, one)) for one in what]
                await asyncio.sleep(random.random() / 500)
                victims = random.sample(tasks, 2)
                for task in victims:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for task in tasks:
                    # Nobody gets a cancellation that nobody asked for.
                    if task.cancelled():
                        storm.came["cancelled" if task in victims else "CANCELLED"] += 1
                    elif task.exception():
                        raise task.exception()

        async def round(folder):
            host = AsyncHost()
            client = await host.load(folder, CLIENTS[True])
            work = [asyncio.create_task(calls(client, n)) for n in range(3)]
            work.append(asyncio.create_task(reloads(host)))
            await asyncio.wait(work, timeout=random.uniform(0.2, 1.5))
            closing = asyncio.create_task(host.aclose())
            if random.random() < 0.5:
                await asyncio.sleep(random.random() / 50)
                closing.cancel()
            try:
                await closing
            except asyncio.CancelledError:
                storm.came["cancelled"] += 1
            for task in work:
                task.cancel()
            ends = await asyncio.gather(*work, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
            assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()
            assert not host.plugins and counts["setup"] == counts["teardown"], counts

        async def main(folder):
            while storm.rages:
                await round(folder)

        with folder_for(wire) as folder:
            asyncio.run(main(folder))
        failed = ("ConnectFailed", "PluginError", "PeerCrashed", "NotSent")
        storm.finish("TimeoutError", "cancelled", "reload", *failed)
        """,
        wire,
    )
