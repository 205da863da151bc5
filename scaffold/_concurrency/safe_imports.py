"""Imports during calls, safe against signal handlers that raise and against forks.

If a signal handler raises during an import, the lock of the module may stay locked forever, and
other threads that import it wait forever. Handlers run on the main thread only, so the main thread
lets another thread import, and waits. A fork copies the locks of a running import, so a fork waits
until the import is done.
"""

import importlib
import sys
import threading
import time
from functools import partial
from types import ModuleType
from typing import Final, NoReturn

from scaffold._concurrency.forks import hold_during_forks, reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold._concurrency.signal_safety import SignalSafeFuture

_FORK_TIMEOUT: Final = 5.0
"""Seconds that a fork waits for a running import."""
_POLL_INTERVAL: Final = 0.001
_ANY_ERROR: Final = (BaseException,)
"""What an import may raise; the waiting thread raises it again."""


class _ImportLock:
    """Lets one thread import at a time, and holds up forks meanwhile."""

    def __init__(self) -> None:
        self._lock = reentrant_lock(Rank.IMPORTS)
        self._taken = False
        reset_after_fork(self._in_fork)

    def make(self, name: str) -> ModuleType:
        """Import a module on this thread."""
        with self._lock:
            return importlib.import_module(name)

    def before_fork(self) -> None:
        """Keep threads from importing until the fork is done."""
        deadline = time.monotonic() + _FORK_TIMEOUT
        # Tried without waiting, because a fork may run while its thread holds any lock.
        while not (taken := self._lock.acquire(blocking=False)) and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)
        self._taken = taken

    def after_fork(self) -> None:
        """Let other threads import again."""
        if self._taken:
            self._taken = False
            self._lock.release()

    def _in_fork(self) -> None:
        self.after_fork()
        self._lock = reentrant_lock(Rank.IMPORTS)


_IMPORT_LOCK: Final = _ImportLock()
hold_during_forks(Rank.IMPORTS, _IMPORT_LOCK.before_fork, _IMPORT_LOCK.after_fork)


def import_safely(name: str) -> None:
    """Import a module, if it is not imported yet. An `import` statement must follow.

    Args:
        name: The full name of the module.

    Raises:
        BaseException: Whatever the import raises.
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
    except RuntimeError:  # the system has no more threads
        _IMPORT_LOCK.make(name)
        return
    outcome.wait()()


def _fail(error: BaseException) -> NoReturn:
    raise error
