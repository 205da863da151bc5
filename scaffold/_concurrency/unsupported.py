"""Event loops and threads that are not what this package is made for, refused by name at once."""

import asyncio
import sys

__all__ = ["green_thread_library", "running_loop"]


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop that runs here.

    Raises `RuntimeError` that names trio, if that runs here, and says what to do.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        if not _in_trio():
            raise
    raise RuntimeError(
        "trio runs here, and plugins need asyncio: use `Host` on a thread "
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
    """Return what has replaced the threads of this process: `gevent`, `eventlet` or nothing."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return "gevent"
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        return "eventlet"
    return ""
