"""Detection of event loops and thread libraries that are not supported."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


def running_loop() -> "asyncio.AbstractEventLoop":
    """Return the running event loop of asyncio.

    Raises:
        RuntimeError: No loop runs, or trio runs; the message says what to do.
    """
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        refuse_trio()
        raise


def refuse_trio() -> None:
    """Raise `RuntimeError` if a task of trio calls this; the message says what to do."""
    if _in_trio():
        raise RuntimeError(
            "plugins need asyncio, but trio is running: use `Host` on a thread "
            "(`trio.to_thread.run_sync`), or run the application with `anyio.run(main)`"
        )


def _in_trio() -> bool:
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


def green_thread_library() -> str:
    """Return the library that replaced the threads of this process: `gevent`, `eventlet` or ``."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return "gevent"
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        return "eventlet"
    return ""
