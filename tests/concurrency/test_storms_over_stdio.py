"""Calls over stdio under everything at once: none wrong, none lost, none hung, nothing left."""

import os

import pytest
from slow_channels import run_program

SECONDS = float(os.environ.get("STORM_SECONDS", "3"))

pytestmark = pytest.mark.slow


def storm(program):
    return run_program(program, seconds=SECONDS + 120)


def test_interrupts_of_one_thread_hurt_no_other():
    storm("""
        import threading
        from slow_channels import ask, open_blocking
        from storms import Interrupts, Storm

        storm, channel, interrupts = Storm(), open_blocking(), Interrupts()

        def calls(which):
            number = 0
            while storm.rages:
                number += 1
                storm.call(lambda said: ask(channel, f"0 {said}"), f"{which}-{number}")

        others = [threading.Thread(target=calls, args=(n,)) for n in range(2)]
        for one in others:
            one.start()
        number = 0
        while storm.rages:
            number += 1
            interrupts.run(lambda: storm.call(lambda said: ask(channel, f"0 {said}"), f"m{number}"))
        for one in others:
            one.join()
        storm.call(lambda said: ask(channel, f"0 {said}"), "after")
        assert interrupts.number > 10
        assert not channel._connection.router.pending
        channel.close()
        storm.finish()
    """)


def test_deadlines_and_large_payloads_in_many_threads():
    storm("""
        import random
        from slow_channels import ask, open_blocking
        from storms import Storm

        storm, channel = Storm(), open_blocking()

        def work(which):
            kind = random.random()
            if kind < 0.02:
                storm.call(lambda _: ask(channel, "9 late", "short_timeout"), "late")
            elif kind < 0.1:
                size = random.randrange(1, 400_000)
                storm.call(lambda _: str(ask(channel, "bytes " + "x" * size)), str(size))
            else:
                storm.call(lambda said: ask(channel, f"0 {said}"), str(random.random()))

        storm.threads(12, work)
        channel.close()
        storm.finish("DeadlineExceeded")
    """)


def test_kills_of_the_process():
    storm("""
        import os, random, signal
        from slow_channels import ask, open_blocking
        from storms import Storm

        storm, channel = Storm(), open_blocking()

        def work(which):
            if not which:
                try:
                    os.kill(channel._connection.process._child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                storm.call(lambda said: ask(channel, f"0.05 {said}", "again"), "after")
            else:
                storm.call(lambda said: ask(channel, f"0 {said}", "again"), str(random.random()))

        storm.threads(6, work)
        channel.close()
        storm.finish("PeerCrashed", "NotSent", "ConnectFailed")
    """)


def test_closes_and_forks_at_once():
    storm("""
        import os, random, threading, warnings
        from slow_channels import ask, open_blocking
        from storms import Storm

        warnings.simplefilter("ignore", DeprecationWarning)
        storm = Storm()

        def round():
            channel = open_blocking()
            # Python imports what the first call needs, and a fork never gets a lock of an import.
            ask(channel, "0 first", "medium_timeout")
            done = threading.Event()

            def calls():
                while not done.is_set():
                    storm.call(lambda said: ask(channel, f"0 {said}"), str(random.random()))

            threads = [threading.Thread(target=calls) for _ in range(4)]
            for thread in threads:
                thread.start()
            child = os.fork()
            if not child:
                try:
                    os._exit(0 if ask(channel, "0 fork", "medium_timeout") == "fork" else 1)
                finally:
                    os._exit(2)
            channel.close()
            done.set()
            for thread in threads:
                thread.join()
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            storm.call(lambda _: str(status), "0")

        while storm.rages:
            round()
        storm.finish("ConnectFailed")
    """)


def test_cancellations_of_tasks():
    storm("""
        import asyncio, random
        from slow_channels import asked, open_awaited
        from storms import Storm

        storm = Storm()

        async def call(channel, said, what):
            try:
                answer = await asyncio.wait_for(asked(channel, what), random.choice([0.001, 1, 9]))
            except TimeoutError:
                storm.came["TimeoutError"] += 1
            except asyncio.CancelledError:
                storm.came["CancelledError"] += 1
                raise
            else:
                storm.came["right" if answer == said else "wrong"] += 1

        async def main():
            channel = open_awaited()
            await channel.connect()
            while storm.rages:
                tasks = []
                for number in range(20):
                    if number % 10:
                        what, said = f"{random.choice(['0', '0.001'])} {number}", str(number)
                    else:
                        what, said = "bytes " + "x" * 200_000, 200_000
                    tasks.append(asyncio.create_task(call(channel, said, what)))
                await asyncio.sleep(random.random() / 200)
                for task in random.sample(tasks, 5):
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            assert not channel._connection.router.pending
            await channel.aclose()

        asyncio.run(main())
        storm.finish("TimeoutError", "CancelledError")
    """)
