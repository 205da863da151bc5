"""How a server process ends: one way for the end of input, signals and the death of its host.

Whatever hooks and handlers of logs are doing, the process is gone a bounded time after the first
sign: calls under way may finish, then the plugin is torn down, then the process exits, by force if
it must. So nothing that can block runs on the threads that see to this.
"""

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

from scaffold._concurrency.locks import Rank, lock

__all__ = ["Ending", "end_children", "flush_logs", "within"]

log = logging.getLogger(__name__)

_GRACE: Final = 1.0
"""Seconds that calls under way are given, when nothing more can be asked for."""
_TEARDOWN: Final = 2.0
"""Seconds that the plugin's `teardown` is given."""
_LAST: Final = 0.5
"""Seconds that the interpreter is given to exit by itself."""
_FLUSH: Final = 0.5
"""Seconds that the handlers of logs are given to write what they hold."""
_NAP: Final = 0.02
"""Seconds between two looks at whether what the plugin has started is gone."""
_DESCRIPTORS: Final = 1024
"""How many descriptors may be open that a host waits to be closed."""
_GLANCE: Final = 1.0
"""Seconds between two looks at who our parent is."""
_MARGIN: Final = 0.5
"""Seconds that draining may take longer than it was told to."""
_exiting: Final = lock(Rank.GLOBAL)
"""Taken by the thread that exits; nobody gives it back."""


class Ending:
    """The end of the process.

    `drain` waits for the calls under way, `teardown` ends the plugin; `grace` is how many seconds
    `drain` may take. `orphan_ends` says that the process is of no use without its parent, and
    `signals` which ones tell it to end.
    """

    def __init__(
        self,
        drain: Callable[[float], object],
        teardown: Callable[[], object],
        *,
        grace: float = _GRACE,
        orphan_ends: bool = False,
        signals: Iterable[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
    ) -> None:
        self._drain = drain
        self._teardown = teardown
        self._grace = grace
        self._orphan_ends = orphan_ends
        self._signals = tuple(signals)
        self._begun = threading.Event()
        self._done = threading.Event()

    @property
    def begun(self) -> bool:
        """True once the end has begun: nothing new is to be started."""
        return self._begun.is_set()

    def begin(self) -> None:
        """Start to end the process; from any thread, any number of times."""
        if not self._begun.is_set():
            self._begun.set()
            try:
                threading.Thread(target=self._end, name="ending", daemon=True).start()
            except RuntimeError:  # there is no thread for it
                self._end()

    def wait(self) -> None:
        """Wait until everything is over and the process may exit."""
        self._done.wait()

    def watch(self, parent: int = 0) -> None:
        """Take over the signals, and watch for the host's death. For the main thread.

        `parent` is whose child the process was when it started: the host may be dead by now.
        """
        inlet, outlet = os.pipe()
        os.set_blocking(outlet, False)
        signal.set_wakeup_fd(outlet, warn_on_full_buffer=False)
        for number in self._signals:
            signal.signal(number, _noted)
        if hasattr(os, "register_at_fork"):
            _leave_forks_alone(self._signals)
        threading.Thread(
            target=self._watch, args=(inlet, parent), name="watch", daemon=True
        ).start()

    def _watch(self, inlet: int, parent: int) -> None:
        """Wait on a thread of its own: a hook that blocks the main thread blocks its handlers."""
        while True:
            readable, _, _ = select.select([inlet], [], [], _GLANCE)
            if readable:
                for number in os.read(inlet, 16):
                    if self.begun and number in self._signals:
                        _exit(128 + number)
                    self.begin()
            elif self._orphan_ends and os.getppid() != parent:
                self.begin()

    def _end(self) -> None:
        within(self._grace + _MARGIN, lambda: self._drain(self._grace))
        if not within(_TEARDOWN, self._tear_down):
            late = "teardown took longer than %s s; exiting without it"
            within(_FLUSH, lambda: log.error(late, _TEARDOWN))
        self._done.set()
        threading.Event().wait(_LAST)
        _exit(0)

    def _tear_down(self) -> None:
        try:
            self._teardown()
        except BaseException:
            log.exception("teardown failed")


def within(seconds: float, work: Callable[[], object]) -> bool:
    """Do work on a thread of its own; tell whether it was over within some seconds.

    If there is no thread for it, as while the interpreter exits, it is not done.
    """
    over = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            over.set()

    try:
        threading.Thread(target=run, name="ending", daemon=True).start()
    except RuntimeError:
        return False
    return over.wait(seconds)


def flush_logs() -> None:
    """Have handlers of logs write what they hold, unless one of them is stuck."""
    within(_FLUSH, logging.shutdown)


def _leave_forks_alone(signals: Iterable[signal.Signals]) -> None:
    """Have the forks that a plugin makes, by `multiprocessing` say, own their signals.

    What tells a fork to end would else be written to the server's descriptor, and end the server.
    """
    masks = threading.local()

    def before() -> None:
        masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def after() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.before)

    def in_fork() -> None:
        signal.set_wakeup_fd(-1)
        for number in signals:
            if signal.getsignal(number) is _noted:
                signal.signal(number, signal.SIG_DFL)
        after()

    os.register_at_fork(before=before, after_in_parent=after, after_in_child=in_fork)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the descriptor that the interpreter writes to has told the watching thread."""


def end_children() -> None:
    """End what the plugin has started, if this process leads a session made for it alone."""
    if _leads():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_group()


def _end_group() -> None:
    """End our group: SIGTERM, and a moment later SIGKILL, from a process that outlives us."""
    group = os.getpgrp()
    os.killpg(group, signal.SIGTERM)
    with suppress(OSError, Warning):  # Python 3.12 warns of forks of what has threads
        sweeper = os.fork()
        if not sweeper:
            _sweep(group)
        os.setpgid(sweeper, 0)  # both say so: once we are gone, nobody is to be found in our group


def _sweep(group: int) -> NoReturn:
    """Wait for the end of a group, in a process that is not of it; end who does not."""
    try:
        os.setpgid(0, 0)
        os.closerange(0, _DESCRIPTORS)
        until = time.monotonic() + _LAST
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(_NAP)
        os.killpg(group, signal.SIGKILL)
    finally:
        os._exit(0)


def _leads() -> bool:
    return os.getsid(0) == os.getpid()


def _exit(status: int) -> None:
    """Exit by force, from any thread: the signal reaches this process too, but too late."""
    if not _exiting.acquire(blocking=False):
        return  # another thread is at it
    flush_logs()
    if _leads():
        # To fork runs what the plugin's libraries do around forks, which may wait for anything.
        within(_FLUSH, _end_group)
    os._exit(status)
