"""Imports that the first calls of a plugin make, which no signal and no fork finds half done.

Python's import system does not bear a signal handler that raises: a lock of a module may never be
given back, and other threads that import it wait forever. And a fork copies the locks of an import
that another thread makes. Handlers run on the main thread only, so that thread lets another one
import, and waits. A fork waits until the import is done.
"""

import importlib
import os
import sys
import threading
import time
from functools import partial
from types import ModuleType
from typing import Final, NoReturn

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._concurrency.results import SignalSafeFuture

__all__ = ["import_safely"]

_FORK_TIMEOUT: Final = 5.0
"""Seconds that a fork waits for the end of an import."""
_POLL_INTERVAL: Final = 0.001
_ANY_ERROR: Final = (BaseException,)
"""What the import may raise; the thread that waits raises it."""


class _ImportLock:
    """The imports of this process, one at a time."""

    def __init__(self) -> None:
        self._lock = reentrant_lock(Rank.IMPORTS)
        self._taken = False
        reset_after_fork(self._in_fork)

    def make(self, name: str) -> ModuleType:
        """Import a module on this thread."""
        with self._lock:
            return importlib.import_module(name)

    def before_fork(self) -> None:
        """Let no thread import until the fork is made."""
        deadline = time.monotonic() + _FORK_TIMEOUT
        # Not in the order of locks: it is tried, and not waited for.
        while not (taken := self._lock.acquire(blocking=False)) and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)
        self._taken = taken

    def after_fork(self) -> None:
        """Let other threads go on."""
        if self._taken:
            self._taken = False
            self._lock.release()

    def _in_fork(self) -> None:
        self.after_fork()
        self._lock = reentrant_lock(Rank.IMPORTS)


_IMPORT_LOCK: Final = _ImportLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_IMPORT_LOCK.before_fork, after_in_parent=_IMPORT_LOCK.after_fork)


def import_safely(name: str) -> None:
    """Import a module, unless that is done; an `import` statement after it then finds it.

    Raises what the import raises.

    Args:
        name: Its full name.
    """
    module = sys.modules.get(name)
    if module is not None and not getattr(module.__spec__, "_initializing", False):
        return
    if threading.current_thread() is not threading.main_thread():
        _IMPORT_LOCK.make(name)
        return
    outcome = SignalSafeFuture[ModuleType]()

    def run() -> None:
        try:
            made = _IMPORT_LOCK.make(name)
        except _ANY_ERROR as error:
            outcome.settle(partial(_fail, error))
        else:
            outcome.settle(lambda: made)

    try:
        threading.Thread(target=run, name=f"import of {name}", daemon=True).start()
    except RuntimeError:  # there is no room for a thread
        _IMPORT_LOCK.make(name)
        return
    outcome.wait()()


def _fail(error: BaseException) -> NoReturn:
    raise error
