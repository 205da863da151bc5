"""The shutdown of a server process: the same for end of input, signals and death of its host.

The process exits within a bounded time after the first of these, whatever hooks and log handlers
do: calls in flight may finish, then the plugin is torn down, then the process exits, by force if
necessary. So the threads here never run code that can block without a timeout.

A signal handler of the plugin may interrupt the main thread at any step. So the main thread waits
for a `SignalSafeFuture`, without a lock; every other wait here has a timeout. The server's own
handlers do nothing: the interpreter writes to a pipe, which a thread reads.
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
from scaffold._concurrency.signal_safety import SignalSafeFuture

log = logging.getLogger(__name__)

_DRAIN_TIMEOUT: Final = 1.0
"""Seconds that calls in flight get when no more requests can come."""
_TEARDOWN_TIMEOUT: Final = 2.0
"""Seconds that the plugin's `teardown` gets."""
_EXIT_TIMEOUT: Final = 0.5
"""Seconds that the interpreter gets to exit by itself."""
_FINALIZE_TIMEOUT: Final = 3.0
"""Seconds that the interpreter gets to finalise, after its exit handlers have run."""
_FLUSH_TIMEOUT: Final = 0.5
"""Seconds that log handlers get to flush."""
_POLL_INTERVAL: Final = 0.02
"""Seconds between two checks whether the process group has ended."""
_MAX_DESCRIPTORS: Final = 1024
"""Descriptors from 0 to this are closed, so that the host sees the end of its pipes."""
_PARENT_CHECK_INTERVAL: Final = 1.0
"""Seconds between two checks whether the parent still lives."""
_DRAIN_MARGIN: Final = 0.5
"""Seconds that draining may exceed its timeout."""
_exit_lock: Final = lock(Rank.GLOBAL)
"""Acquired by the thread that exits, and never released."""


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
        self._started = False
        self._claim = [True]
        """Its one item is popped by the thread that shuts down: the pop is atomic."""
        self._done: SignalSafeFuture[None] = SignalSafeFuture()

    @property
    def started(self) -> bool:
        """True once the shutdown has started: no new work is accepted."""
        return self._started

    def start_shutdown(self) -> None:
        """Start the shutdown. Any thread may call it, repeatedly.

        If a signal handler of the plugin interrupts it, the next call starts the shutdown.
        """
        self._started = True
        if self._claim:
            try:
                threading.Thread(target=self._shut_down, name="ending", daemon=True).start()
            except RuntimeError:  # no thread can be started
                self._shut_down()

    def wait(self) -> None:
        """Wait until the plugin is torn down and the process may exit."""
        self._done.wait()()

    def watch(self, parent: int = 0) -> None:
        """Handle the signals, and watch for the death of the host. Call it on the main thread.

        Args:
            parent: The parent's process id when this process started. The parent may have died
                since then, so `os.getppid()` would be wrong now.
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
        """Wait for signals on this thread: a hook that blocks the main thread blocks handlers."""
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
        try:
            self._claim.pop()
        except IndexError:  # another thread shuts down
            return
        run_with_timeout(
            self._drain_timeout + _DRAIN_MARGIN, lambda: self._drain(self._drain_timeout)
        )
        if not run_with_timeout(_TEARDOWN_TIMEOUT, self._tear_down):
            message = "teardown took longer than %s s; exiting without it"
            run_with_timeout(_FLUSH_TIMEOUT, lambda: log.error(message, _TEARDOWN_TIMEOUT))
        self._done.settle(_nothing)
        time.sleep(_EXIT_TIMEOUT)
        _force_exit(0)

    def _tear_down(self) -> None:
        try:
            self._teardown()
        except BaseException:
            log.exception("teardown failed")


def _nothing() -> None:
    """The result of a shutdown."""


def run_with_timeout(timeout: float, work: Callable[[], object]) -> bool:
    """Run a function on a new thread; return whether it ended within `timeout` seconds.

    If no thread can be started, for example while the interpreter exits, it does not run.
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
    """Flush the log handlers, unless one of them blocks."""
    run_with_timeout(_FLUSH_TIMEOUT, logging.shutdown)


def _restore_signals_in_forks(signals: Iterable[signal.Signals]) -> None:
    """Restore the default signal handlers in forks that the plugin makes.

    Otherwise a signal to such a fork, for example from `multiprocessing`, would be written to the
    wakeup descriptor of the server, and shut the server down.
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
    """Do nothing: the interpreter has written to the wakeup descriptor, which a thread reads."""


def end_started_processes() -> None:
    """End the processes that the plugin has started, if this process leads its own session."""
    if _leads_session():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_process_group()


def _end_process_group() -> None:
    """End this process group: SIGTERM, then SIGKILL from a process outside of the group."""
    group = os.getpgrp()
    os.killpg(group, signal.SIGTERM)
    with suppress(OSError, Warning):  # Python 3.12 warns of forks of what has threads
        sweeper = os.fork()
        if not sweeper:
            _kill_group_later(group)
        os.setpgid(sweeper, 0)  # in both processes: either may exit first


def _kill_group_later(group: int) -> NoReturn:
    """Leave the group, wait until it has ended, and send SIGKILL if it has not.

    The leader of the group is the server, and this process's parent. Its plugin is torn down, so
    it gets the time to exit with its own status.
    """
    try:
        os.setpgid(0, 0)
        os.closerange(0, _MAX_DESCRIPTORS)
        deadline = time.monotonic() + _FINALIZE_TIMEOUT
        while os.getppid() == group and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)
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
    """Exit by force, from any thread. SIGTERM of the group also reaches this process, too late."""
    if not _exit_lock.acquire(blocking=False):
        return  # another thread is exiting
    flush_logs()
    if _leads_session():
        # A fork runs fork handlers of the plugin's libraries, which may block: hence the timeout.
        run_with_timeout(_FLUSH_TIMEOUT, _end_process_group)
    os._exit(status)
