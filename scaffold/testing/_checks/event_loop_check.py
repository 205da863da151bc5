"""The check of the thread that all plugins of an asynchronous host share."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from scaffold.contract._errors.errors import ScaffoldError
from scaffold.contract._hooks.channel import AsyncChannel
from scaffold.contract._hooks.streams import whole_async
from scaffold.host._runtimes.open_channel import async_channel_to
from scaffold.testing._checks.check import Finding
from scaffold.testing._plugin.plugin_under_test import Subject
from scaffold.testing._plugin.test_inputs import Case

__all__ = ["loop_is_free"]

_HELD: Final = 0.2
"""Seconds for which a hook may keep the loop from doing anything else."""
_TRIES: Final = 5
"""A busy machine holds the loop now and then; a plugin holds it every time."""
_BEAT: Final = 0.01


def loop_is_free(subject: Subject) -> Iterator[Finding]:
    """Call the hooks while a heart beats in the same loop, and look for the longest pause."""
    subject.must_offer("in_process")
    for hook, seconds in asyncio.run(_pauses(subject)).items():
        message = f"{hook} held the event loop for {seconds:.2f} s"
        mend = 'await, or say execution_model = "thread_cpu_bound" with a plain def'
        yield Finding(subject.place(hook), message, mend)


async def _pauses(subject: Subject) -> dict[str, float]:
    """Return the hooks that hold the loop, each with the seconds it does."""
    found: dict[str, float] = {}
    provision = subject.provision()
    channel = await async_channel_to(subject.manifest, subject.kind, "in_process", provision)
    try:
        for case in subject.valid_cases:
            if case.hook in found:
                continue
            shortest = await _pause(channel, subject, case)
            for _ in range(_TRIES - 1):
                if shortest > _HELD:
                    shortest = min(shortest, await _pause(channel, subject, case))
            if shortest > _HELD:
                found[case.hook] = shortest
    finally:
        await channel.aclose()
    return found


async def _pause(channel: AsyncChannel, subject: Subject, case: Case) -> float:
    """Return the longest pause between two beats during one call, in seconds."""
    longest = 0.0
    last = time.monotonic()

    async def beat() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(_BEAT)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    heart = asyncio.create_task(beat())
    await asyncio.sleep(0)
    with suppress(ScaffoldError):
        await whole_async(channel, subject.kind.hooks[case.hook])(case.payload)
    heart.cancel()
    return max(longest, time.monotonic() - last)
