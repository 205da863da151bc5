"""What a caller learns of an exception that a plugin should not have raised."""

import logging
import os
from typing import Final

from scaffold.contract._errors.errors import InternalError

__all__ = ["PLUGIN_EXCEPTIONS", "mask_exception"]

PLUGIN_EXCEPTIONS: Final = (Exception, SystemExit)
"""What to catch around a plugin's code: `sys.exit` in a plugin must not end its host."""


def mask_exception(error: BaseException, *, plugin: str, hook: str) -> InternalError:
    """Log an exception with its traceback under a new id; return the error that names the id.

    The log is the logger `plugin.<name>`. The message names the plugin, the hook and the class of
    the exception, and is the same in every runtime but for the id. What the exception says stays in
    the log, because it may hold what callers must not see. In this process the exception is the
    `__cause__` of the error; code that raises the error keeps it there.

    Args:
        error: What the plugin raised.
        plugin: The name of the plugin.
        hook: The name of the hook that was called.

    Returns:
        An error with `data["id"]`, the id in the log.
    """
    mark = os.urandom(6).hex()
    logging.getLogger(f"plugin.{plugin}").error("%s failed [%s]", hook, mark, exc_info=error)
    name = type(error).__name__
    message = f"{hook}: plugin '{plugin}' raised {name}; the traceback is in its log under {mark}"
    internal = InternalError(message, {"id": mark})
    internal.__cause__ = error
    return internal
