"""Worker processes on one address, supervised by a parent that runs no code of the plugin.

The workers are forks that share the listening socket, and the next free one accepts a connection.
If a worker dies, only its own calls are lost. Each worker sends a heartbeat every second. A worker
without heartbeats is killed and replaced.
"""

import faulthandler
import logging
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from socket import socket
from types import FrameType
from typing import Final, NoReturn

from scaffold.server._http.serve import Worker, announce
from scaffold.server._process.shutdown import flush_logs

log = logging.getLogger(__name__)

Work = Callable[[Worker], int]
"""The main function of a worker; it returns the exit status."""

_FIRST_RESTART_DELAY: Final = 0.5
"""Seconds before a dead worker is replaced; twice as long after each further death."""
_MAX_RESTART_DELAY: Final = 30.0
_STABLE_AFTER: Final = 60.0
"""Seconds of life after which a worker's death counts as its first."""
_HANG_TIMEOUT: Final = 120.0
"""Seconds without a turn of a worker's event loop after which it is killed. Plain hooks run on
threads, so only code that waits or computes in the loop itself can block it."""
_DUMP_FRACTION: Final = 0.75
"""The fraction of this time after which the worker writes its traceback to the log."""
_GRACE_PERIOD: Final = 15.0
"""Seconds that workers get to shut down: more than their own timeouts in total."""
_STOP_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_HANDLED_SIGNALS: Final = _STOP_SIGNALS | {signal.SIGCHLD}
_INTERNAL_ERROR: Final = 70


class _WorkerSlot:
    """The slot of a worker: the running process, or the time when the next one starts."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        """The process id; 0 while no process runs."""
        self.ready = False
        self.last_heartbeat = 0.0
        """When its last heartbeat came."""
        self.status = 0
        """The exit status of the last process."""
        self.started_at = 0.0
        self.restart_at = 0.0
        """When the next process may start."""
        self.deaths = 0
        """Deaths in a row, for the delay."""

    def is_hung(self) -> bool:
        """True if the worker is ready and its last heartbeat is too old."""
        return self.ready and time.monotonic() - self.last_heartbeat > _HANG_TIMEOUT

    def record_end(self, status: int) -> None:
        """Record the exit status, and when the next process may start."""
        now = time.monotonic()
        self.deaths = 1 if now - self.started_at > _STABLE_AFTER else self.deaths + 1
        delay = min(_MAX_RESTART_DELAY, _FIRST_RESTART_DELAY * 2 ** (self.deaths - 1))
        self.pid, self.ready, self.status, self.restart_at = 0, False, status, now + delay


def supervise(count: int, work: Work, listener: socket) -> int:
    """Run workers until a signal ends the process; return the exit status.

    The first worker starts alone: if it cannot start, its exit status is returned. Call it on the
    main thread of a process without other threads.

    Args:
        count: The number of workers.
        work: The main function of a worker.
        listener: The socket that the workers share.
    """
    return _Supervisor(count, work, listener).run()


class _Supervisor:
    def __init__(self, count: int, work: Work, listener: socket) -> None:
        self._work = work
        self._listener = listener
        self._workers = [_WorkerSlot(number) for number in range(count)]
        self._heartbeat_read, self._heartbeat_write = os.pipe()
        """A pipe for heartbeats: each worker writes its number."""
        self._wakeup_read, self._wakeup_write = os.pipe()
        """A pipe to which the interpreter writes the number of each signal."""
        os.set_blocking(self._wakeup_write, False)
        self._received_signals: list[int] = []
        """The stop signals that have come."""
        self._restarting = False
        self._parent = os.getpid()

    def run(self) -> int:
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        for number in _HANDLED_SIGNALS:
            signal.signal(number, _ignore_signal)
        first, *others = self._workers
        self._start(first)
        while not (first.ready or self._received_signals):
            self._wait(None)
            if not first.pid:
                return first.status if first.status >= 0 else 128 - first.status
        if not self._received_signals:
            self._supervise(others)
        self._listener.close()
        return self._stop_workers()

    def _supervise(self, others: list[_WorkerSlot]) -> None:
        """Start the other workers, and replace dead ones, until a stop signal comes."""
        for worker in others:
            self._start(worker)
        announced = False
        self._restarting = True
        while not self._received_signals:
            if not announced and all(worker.ready for worker in self._workers):
                announce(self._listener)
                announced = True
            now = time.monotonic()
            delays = [worker.restart_at - now for worker in self._workers if not worker.pid]
            self._wait(max(0.0, min([*delays, _HANG_TIMEOUT / 4])))
            for worker in self._workers:
                if worker.is_hung():
                    message = "worker %s: its event loop is blocked for %g s; killing it"
                    log.error(message, worker.pid, _HANG_TIMEOUT)
                    worker.ready = False
                    os.kill(worker.pid, signal.SIGKILL)
                if (
                    not (worker.pid or self._received_signals)
                    and worker.restart_at <= time.monotonic()
                ):
                    self._start(worker)

    def _stop_workers(self) -> int:
        """Stop the workers. Kill them after a grace period, or at a second stop signal."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_PERIOD
        while any(worker.pid for worker in self._workers):
            left = deadline - time.monotonic()
            if left <= 0 or len(self._received_signals) > 1:
                self._signal(signal.SIGKILL)
            self._wait(max(0.1, left))
        return 128 + self._received_signals[1] if len(self._received_signals) > 1 else 0

    def _signal(self, number: int) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)

    def _start(self, worker: _WorkerSlot) -> None:
        worker.started_at = time.monotonic()
        # Otherwise a signal between the fork and `_run_worker` would use the parent's handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED_SIGNALS)
        try:
            worker.pid = os.fork()
            if not worker.pid:
                self._run_worker(worker)
        except OSError:
            log.exception("a worker cannot be started")
            worker.record_end(_INTERNAL_ERROR)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED_SIGNALS)

    def _run_worker(self, worker: _WorkerSlot) -> NoReturn:
        """Run a worker in the forked process, and exit."""
        status = _INTERNAL_ERROR
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # A terminal sends it to all processes; the parent forwards it as SIGTERM.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            for fd in (self._heartbeat_read, self._wakeup_read, self._wakeup_write):
                os.close(fd)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED_SIGNALS)
            os.set_blocking(self._heartbeat_write, False)
            status = self._work(Worker(partial(self._heartbeat, worker.number), self._parent))
        except BaseException:
            log.exception("the worker failed")
        finally:
            flush_logs()
            os._exit(status)

    def _heartbeat(self, number: int) -> None:
        """Send a heartbeat, and restart the timer that writes a traceback to the log."""
        # A parent that does not read must not block the worker; `Shutdown` notices its death.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._heartbeat_write, bytes([number]))
        faulthandler.dump_traceback_later(_HANG_TIMEOUT * _DUMP_FRACTION, file=2)

    def _wait(self, seconds: float | None) -> None:
        """Wait for a signal or a heartbeat, and record it; reap workers that have ended."""
        ready, _, _ = select.select([self._wakeup_read, self._heartbeat_read], [], [], seconds)
        if self._wakeup_read in ready:
            self._received_signals += [
                number for number in os.read(self._wakeup_read, 64) if number in _STOP_SIGNALS
            ]
        if self._heartbeat_read in ready:
            for number in os.read(self._heartbeat_read, 4096):
                worker = self._workers[number]
                worker.ready, worker.last_heartbeat = bool(worker.pid), time.monotonic()
        for worker in self._workers:
            if worker.pid:
                self._reap(worker)

    def _reap(self, worker: _WorkerSlot) -> None:
        with suppress(ChildProcessError):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                worker.record_end(os.waitstatus_to_exitcode(status))
                if self._restarting and not self._received_signals:
                    delay = worker.restart_at - time.monotonic()
                    message = "worker %s ended with status %s; another starts in %.3g s"
                    log.error(message, pid, worker.status, delay)


def _ignore_signal(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the interpreter has written to the wakeup descriptor, which `_wait` reads."""
