"""The event loop: uvloop where it is installed, the standard one elsewhere."""

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any

__all__ = ["run"]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a server's coroutine to its end."""
    fast = find_spec("uvloop") is not None
    make: Callable[[], asyncio.AbstractEventLoop] = (
        import_module("uvloop").new_event_loop if fast else asyncio.new_event_loop
    )
    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(main)
