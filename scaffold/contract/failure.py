"""What a caller learns of an exception that a plugin should not have raised: nothing but an id."""

import logging
import os
from typing import Final

from scaffold.contract.errors import InternalError

__all__ = ["FAILURES", "conceal"]

FAILURES: Final = (Exception, SystemExit)
"""What to catch around a plugin's code: `sys.exit` in a plugin must not end its host."""


def conceal(error: BaseException, *, plugin: str, hook: str) -> InternalError:
    """Log an exception with its traceback under a new id; return the error that names the id.

    The log is the logger `plugin.<name>`. Every runtime answers so: the message is the same but for
    the id, which is also `data["id"]`.
    """
    mark = os.urandom(6).hex()
    logging.getLogger(f"plugin.{plugin}").error("%s failed [%s]", hook, mark, exc_info=error)
    message = f"{hook}: the plugin failed; its log says why, under {mark}"
    return InternalError(message, {"id": mark})
