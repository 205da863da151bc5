"""Several processes that serve one address, kept alive by a parent that runs none of the plugin.

They are forks that share the listening socket: whoever is free takes the next connection, and one
that dies takes only the calls with it that it was at work on. Each says every second that it lives;
one that has not for long serves nobody, and is replaced.
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

__all__ = ["supervise"]

log = logging.getLogger(__name__)

Work = Callable[[Worker], int]
"""What a worker does, until its exit status."""

_FIRST_RESTART_DELAY: Final = 0.5
"""Seconds before a worker is replaced that has died; twice as long each time."""
_MAX_RESTART_DELAY: Final = 30.0
_STABLE_AFTER: Final = 60.0
"""Seconds after which a worker's death counts as its first."""
_HANG_TIMEOUT: Final = 120.0
"""Seconds without a turn of a worker's event loop after which it is killed. Plain hooks run on
threads, beside the loop; what holds it up is code that waits or computes in the loop itself."""
_DUMP_FRACTION: Final = 0.75
"""The part of that time after which the worker's log is told what it is doing."""
_GRACE_PERIOD: Final = 15.0
"""Seconds that workers get to end, which is more than they give themselves."""
_STOP_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_HANDLED_SIGNALS: Final = _STOP_SIGNALS | {signal.SIGCHLD}
_INTERNAL_ERROR: Final = 70


class _WorkerSlot:
    """A worker, or the one after it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        """0 while there is none."""
        self.ready = False
        self.last_heartbeat = 0.0
        """When it said last that it lives."""
        self.status = 0
        """How the last one ended."""
        self.started_at = 0.0
        self.restart_at = 0.0
        """When the next is to be started."""
        self.deaths = 0
        """Deaths in a row."""

    def is_hung(self) -> bool:
        """True if it has been silent for too long."""
        return self.ready and time.monotonic() - self.last_heartbeat > _HANG_TIMEOUT

    def record_end(self, status: int) -> None:
        """Note that the process is gone, and when there is to be another."""
        now = time.monotonic()
        self.deaths = 1 if now - self.started_at > _STABLE_AFTER else self.deaths + 1
        delay = min(_MAX_RESTART_DELAY, _FIRST_RESTART_DELAY * 2 ** (self.deaths - 1))
        self.pid, self.ready, self.status, self.restart_at = 0, False, status, now + delay


def supervise(count: int, work: Work, listener: socket) -> int:
    """Run `count` workers until the process is told to end; return the exit status.

    The first is started alone: if it cannot start, its status is returned. For the main thread of a
    process that has no other. `listener` is the socket that the workers share.
    """
    return _Supervisor(count, work, listener).run()


class _Supervisor:
    def __init__(self, count: int, work: Work, listener: socket) -> None:
        self._work = work
        self._listener = listener
        self._workers = [_WorkerSlot(number) for number in range(count)]
        self._heartbeat_read, self._heartbeat_write = os.pipe()
        """Workers write their number when they answer, and as long as they live."""
        self._wakeup_read, self._wakeup_write = os.pipe()
        """The interpreter writes the number of each signal."""
        os.set_blocking(self._wakeup_write, False)
        self._received_signals: list[int] = []
        """The signals that told us to end."""
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
        """Start the others, and replace whoever dies, until we are told to end."""
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
                    message = "worker %s has not come back to its event loop for %g s: it is killed"
                    log.error(message, worker.pid, _HANG_TIMEOUT)
                    worker.ready = False
                    os.kill(worker.pid, signal.SIGKILL)
                if (
                    not (worker.pid or self._received_signals)
                    and worker.restart_at <= time.monotonic()
                ):
                    self._start(worker)

    def _stop_workers(self) -> int:
        """Let the workers finish; end those by force that do not, or all if told again."""
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
        # A signal that came between the fork and the next lines would be ours, and be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED_SIGNALS)
        try:
            worker.pid = os.fork()
            if not worker.pid:
                self._run_worker(worker)
        except OSError:
            log.exception("no worker can be started")
            worker.record_end(_INTERNAL_ERROR)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED_SIGNALS)

    def _run_worker(self, worker: _WorkerSlot) -> NoReturn:
        """Be a worker."""
        status = _INTERNAL_ERROR
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # A terminal sends it to all of us: the parent passes on what it means.
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
        """Tell the parent that this worker lives; have it told what keeps us, if we do not."""
        # A parent that does not read holds nobody up; that it is gone is noticed elsewhere.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._heartbeat_write, bytes([number]))
        faulthandler.dump_traceback_later(_HANG_TIMEOUT * _DUMP_FRACTION, file=2)

    def _wait(self, seconds: float | None) -> None:
        """Wait until something happens, and take note of it."""
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
    """Do nothing: the descriptor that the interpreter writes to says what has come."""
