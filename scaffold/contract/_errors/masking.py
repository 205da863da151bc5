"""Masking of unexpected exceptions: the details stay in the log of the plugin."""

import logging
import os
import sys
from typing import Final

from scaffold.contract._errors.errors import InternalError

PLUGIN_EXCEPTIONS: Final = (Exception, SystemExit)
"""The exceptions to catch around plugin code: `sys.exit` in a plugin must not end the host."""

ANY_EXCEPTION: Final = (BaseException,)
"""What to catch around plugin code in a thread or loop that only plugins use.

There `KeyboardInterrupt` is not a ^C. An exception that ends the thread or the loop leaves every
caller without an answer. Give it to `as_exception`.
"""


class PluginAborted(Exception):
    """Stands for an exception that is not an `Exception`; its cause is that exception.

    Examples are `KeyboardInterrupt`, `CancelledError`, and the panic of a native module.
    """


def message_of(error: BaseException) -> str:
    """Return the message of what a plugin has raised, whose own `__str__` may fail."""
    try:
        return str(error)
    except PLUGIN_EXCEPTIONS:
        return "its message cannot be read"


def as_exception(error: BaseException) -> Exception:
    """Return what a plugin has raised as an `Exception`, which ends no thread and no loop."""
    if isinstance(error, Exception):
        return error
    aborted = PluginAborted(f"{type(error).__name__}: {message_of(error)}")
    aborted.__cause__ = error
    return aborted


def original_exception(error: BaseException) -> BaseException:
    """Return what a plugin has raised, given that or its `as_exception`."""
    return error.__cause__ or error if isinstance(error, PluginAborted) else error


def is_cancellation(error: BaseException) -> bool:
    """Return whether an exception is the `CancelledError` of asyncio."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def is_requested(error: BaseException) -> bool:
    """Return whether an exception asks the running code to stop, and must be raised again.

    That is the cancellation of the running task, or the close of a generator. A plugin can raise
    `CancelledError` although its caller was not cancelled: that is a failure of the plugin.
    """
    if isinstance(error, GeneratorExit):
        return True
    if not is_cancellation(error):
        return False
    import asyncio

    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return False
    return task is None or task.cancelling() > 0


def mask_exception(error: BaseException, *, plugin: str, hook: str) -> InternalError:
    """Log an unexpected exception under a new id, and return an error with that id.

    The logger is `plugin.<name>`. The message of the error names the plugin, the hook and the class
    of the exception, and is the same in every runtime except for the id. The message of the
    exception stays in the log: it may contain secrets. The exception becomes the `__cause__` of the
    error; code that raises the error must keep it.

    Args:
        error: What the plugin raised.
        plugin: The name of the plugin.
        hook: The name of the hook that was called.

    Returns:
        An error with `data["id"]`, the id in the log.
    """
    error = original_exception(error)
    error_id = os.urandom(6).hex()
    logging.getLogger(f"plugin.{plugin}").error("%s failed [%s]", hook, error_id, exc_info=error)
    name = type(error).__name__
    message = (
        f"{hook}: plugin '{plugin}' raised {name}; the traceback is in its log under {error_id}"
    )
    internal = InternalError(message, {"id": error_id})
    internal.__cause__ = error
    return internal
