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

__all__ = ["Shutdown", "end_started_processes", "flush_logs", "run_with_timeout"]

log = logging.getLogger(__name__)

_DRAIN_TIMEOUT: Final = 1.0
"""Seconds that calls under way are given, when nothing more can be asked for."""
_TEARDOWN_TIMEOUT: Final = 2.0
"""Seconds that the plugin's `teardown` is given."""
_EXIT_TIMEOUT: Final = 0.5
"""Seconds that the interpreter is given to exit by itself."""
_FLUSH_TIMEOUT: Final = 0.5
"""Seconds that the handlers of logs are given to write what they hold."""
_POLL_INTERVAL: Final = 0.02
"""Seconds between two looks at whether what the plugin has started is gone."""
_MAX_DESCRIPTORS: Final = 1024
"""How many descriptors may be open that a host waits to be closed."""
_PARENT_CHECK_INTERVAL: Final = 1.0
"""Seconds between two looks at who our parent is."""
_DRAIN_MARGIN: Final = 0.5
"""Seconds that draining may take longer than it was told to."""
_exit_lock: Final = lock(Rank.GLOBAL)
"""Taken by the thread that exits; nobody gives it back."""


class Shutdown:
    """The shutdown of this process: drain the calls, tear the plugin down, exit.

    Args:
        drain: Waits for the calls in flight. Gets the number of seconds that it may take.
        teardown: Tears the plugin down.
        drain_timeout: The seconds that `drain` gets.
        orphan_ends: True if the process shuts down when its parent has died.
        signals: The signals that start the shutdown. A second one exits at once.
    """

    def __init__(
        self,
        drain: Callable[[float], object],
        teardown: Callable[[], object],
        *,
        drain_timeout: float = _DRAIN_TIMEOUT,
        orphan_ends: bool = False,
        signals: Iterable[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
    ) -> None:
        self._drain = drain
        self._teardown = teardown
        self._drain_timeout = drain_timeout
        self._orphan_ends = orphan_ends
        self._signals = tuple(signals)
        self._started = threading.Event()
        self._done = threading.Event()

    @property
    def started(self) -> bool:
        """True once the end has begun: nothing new is to be started."""
        return self._started.is_set()

    def start_shutdown(self) -> None:
        """Start to end the process; from any thread, any number of times."""
        if not self._started.is_set():
            self._started.set()
            try:
                threading.Thread(target=self._shut_down, name="ending", daemon=True).start()
            except RuntimeError:  # there is no thread for it
                self._shut_down()

    def wait(self) -> None:
        """Wait until everything is over and the process may exit."""
        self._done.wait()

    def watch(self, parent: int = 0) -> None:
        """Take over the signals, and watch for the host's death. For the main thread.

        `parent` is whose child the process was when it started: the host may be dead by now.
        """
        wakeup_read, wakeup_write = os.pipe()
        os.set_blocking(wakeup_write, False)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        for number in self._signals:
            signal.signal(number, _ignore_signal)
        if hasattr(os, "register_at_fork"):
            _restore_signals_in_forks(self._signals)
        threading.Thread(
            target=self._watch_signals, args=(wakeup_read, parent), name="watch", daemon=True
        ).start()

    def _watch_signals(self, wakeup_read: int, parent: int) -> None:
        """Wait on a thread of its own: a hook that blocks the main thread blocks its handlers."""
        while True:
            readable, _, _ = select.select([wakeup_read], [], [], _PARENT_CHECK_INTERVAL)
            if readable:
                for number in os.read(wakeup_read, 16):
                    if self.started and number in self._signals:
                        _force_exit(128 + number)
                    self.start_shutdown()
            elif self._orphan_ends and os.getppid() != parent:
                self.start_shutdown()

    def _shut_down(self) -> None:
        run_with_timeout(
            self._drain_timeout + _DRAIN_MARGIN, lambda: self._drain(self._drain_timeout)
        )
        if not run_with_timeout(_TEARDOWN_TIMEOUT, self._tear_down):
            message = "teardown took longer than %s s; exiting without it"
            run_with_timeout(_FLUSH_TIMEOUT, lambda: log.error(message, _TEARDOWN_TIMEOUT))
        self._done.set()
        threading.Event().wait(_EXIT_TIMEOUT)
        _force_exit(0)

    def _tear_down(self) -> None:
        try:
            self._teardown()
        except BaseException:
            log.exception("teardown failed")


def run_with_timeout(timeout: float, work: Callable[[], object]) -> bool:
    """Do work on a thread of its own; tell whether it was over within some seconds.

    If there is no thread for it, as while the interpreter exits, it is not done.
    """
    done = threading.Event()

    def run() -> None:
        try:
            work()
        finally:
            done.set()

    try:
        threading.Thread(target=run, name="ending", daemon=True).start()
    except RuntimeError:
        return False
    return done.wait(timeout)


def flush_logs() -> None:
    """Have handlers of logs write what they hold, unless one of them is stuck."""
    run_with_timeout(_FLUSH_TIMEOUT, logging.shutdown)


def _restore_signals_in_forks(signals: Iterable[signal.Signals]) -> None:
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
            if signal.getsignal(number) is _ignore_signal:
                signal.signal(number, signal.SIG_DFL)
        after()

    os.register_at_fork(before=before, after_in_parent=after, after_in_child=in_fork)


def _ignore_signal(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the descriptor that the interpreter writes to has told the watching thread."""


def end_started_processes() -> None:
    """End what the plugin has started, if this process leads a session made for it alone."""
    if _leads_session():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_process_group()


def _end_process_group() -> None:
    """End our group: SIGTERM, and a moment later SIGKILL, from a process that outlives us."""
    group = os.getpgrp()
    os.killpg(group, signal.SIGTERM)
    with suppress(OSError, Warning):  # Python 3.12 warns of forks of what has threads
        sweeper = os.fork()
        if not sweeper:
            _kill_group_later(group)
        os.setpgid(sweeper, 0)  # both say so: once we are gone, nobody is to be found in our group


def _kill_group_later(group: int) -> NoReturn:
    """Wait for the end of a group, in a process that is not of it; end who does not."""
    try:
        os.setpgid(0, 0)
        os.closerange(0, _MAX_DESCRIPTORS)
        deadline = time.monotonic() + _EXIT_TIMEOUT
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(_POLL_INTERVAL)
        os.killpg(group, signal.SIGKILL)
    finally:
        os._exit(0)


def _leads_session() -> bool:
    return os.getsid(0) == os.getpid()


def _force_exit(status: int) -> None:
    """Exit by force, from any thread: the signal reaches this process too, but too late."""
    if not _exit_lock.acquire(blocking=False):
        return  # another thread is at it
    flush_logs()
    if _leads_session():
        # To fork runs what the plugin's libraries do around forks, which may wait for anything.
        run_with_timeout(_FLUSH_TIMEOUT, _end_process_group)
    os._exit(status)
