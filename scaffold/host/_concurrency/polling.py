"""Waiting for what is rare and takes no notice of those that wait: a look now and then.

Such waits cost the calls of plugins nothing, take no lock, and so may be made in signal handlers.
"""

import time
from collections.abc import Callable
from typing import Final

POLL_INTERVAL: Final = 0.005
"""Seconds between two looks."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; return False if it does not when time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL)
    return True


async def async_wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait as `wait_until` does, and let the event loop run meanwhile."""
    import asyncio

    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_INTERVAL)
    return True
