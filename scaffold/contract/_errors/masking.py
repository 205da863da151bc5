"""Masking of unexpected exceptions: the details stay in the log of the plugin."""

import logging
import os
from typing import Final

from scaffold.contract._errors.errors import InternalError

PLUGIN_EXCEPTIONS: Final = (Exception, SystemExit)
"""The exceptions to catch around plugin code: `sys.exit` in a plugin must not end the host."""


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
    error_id = os.urandom(6).hex()
    logging.getLogger(f"plugin.{plugin}").error("%s failed [%s]", hook, error_id, exc_info=error)
    name = type(error).__name__
    message = (
        f"{hook}: plugin '{plugin}' raised {name}; the traceback is in its log under {error_id}"
    )
    internal = InternalError(message, {"id": error_id})
    internal.__cause__ = error
    return internal
