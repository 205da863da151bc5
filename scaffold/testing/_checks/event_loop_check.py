"""The check that hooks do not block the event loop, which all plugins share."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from scaffold.contract._errors.errors import ScaffoldError
from scaffold.contract._hooks.channel import AsyncChannel
from scaffold.contract._hooks.streams import bind_any_hook_async
from scaffold.host._runtimes.open_channel import async_open_channel
from scaffold.testing._checks.check import Finding
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest
from scaffold.testing._plugin.test_inputs import SampleCall

_MAX_PAUSE: Final = 0.2
"""Seconds for which a hook may block the event loop."""
_ATTEMPTS: Final = 5
"""A busy machine delays the loop sometimes, a blocking hook in every attempt."""
_HEARTBEAT_INTERVAL: Final = 0.01


def loop_is_free(subject: PluginUnderTest) -> Iterator[Finding]:
    """Call the hooks next to a heartbeat task in the same loop, and find its longest pause."""
    subject.must_offer("in_process")
    for hook, seconds in asyncio.run(_pauses(subject)).items():
        message = f"{hook} held the event loop for {seconds:.2f} s"
        help_text = 'await, or say execution_model = "thread_cpu_bound" with a plain def'
        yield Finding(subject.place(hook), message, help_text)


async def _pauses(subject: PluginUnderTest) -> dict[str, float]:
    """Return the hooks that block the loop, each with the seconds."""
    found: dict[str, float] = {}
    provision = subject.provision()
    channel = await async_open_channel(subject.manifest, subject.kind, "in_process", provision)
    try:
        for case in subject.valid_calls:
            if case.hook in found:
                continue
            shortest = await _pause(channel, subject, case)
            for _ in range(_ATTEMPTS - 1):
                if shortest > _MAX_PAUSE:
                    shortest = min(shortest, await _pause(channel, subject, case))
            if shortest > _MAX_PAUSE:
                found[case.hook] = shortest
    finally:
        await channel.aclose()
    return found


async def _pause(channel: AsyncChannel, subject: PluginUnderTest, case: SampleCall) -> float:
    """Return the longest pause of the heartbeat during one call, in seconds."""
    longest = 0.0
    last = time.monotonic()

    async def beat() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(_HEARTBEAT_INTERVAL)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    heart = asyncio.create_task(beat())
    await asyncio.sleep(0)
    with suppress(ScaffoldError):
        await bind_any_hook_async(channel, subject.kind.hooks[case.hook])(case.payload)
    heart.cancel()
    return max(longest, time.monotonic() - last)
