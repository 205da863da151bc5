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

__all__ = ["keep_alive"]

log = logging.getLogger(__name__)

Work = Callable[[Worker], int]
"""What a worker does, until its exit status."""

_FIRST_PAUSE: Final = 0.5
"""Seconds before a worker is replaced that has died; twice as long each time."""
_LONGEST_PAUSE: Final = 30.0
_SOUND: Final = 60.0
"""Seconds after which a worker's death counts as its first."""
_DEAF: Final = 120.0
"""Seconds without a turn of a worker's event loop after which it is killed. Plain hooks run on
threads, beside the loop; what holds it up is code that waits or computes in the loop itself."""
_TELLING: Final = 0.75
"""The part of that time after which the worker's log is told what it is doing."""
_GRACE: Final = 15.0
"""Seconds that workers get to end, which is more than they give themselves."""
_TOLD: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_HEARD: Final = _TOLD | {signal.SIGCHLD}
_BUG: Final = 70


class _Place:
    """A worker, or the one after it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        """0 while there is none."""
        self.answers = False
        self.heard = 0.0
        """When it said last that it lives."""
        self.status = 0
        """How the last one ended."""
        self.began = 0.0
        self.due = 0.0
        """When the next is to be started."""
        self.deaths = 0
        """Deaths in a row."""

    def is_deaf(self) -> bool:
        """True if it has been silent for too long."""
        return self.answers and time.monotonic() - self.heard > _DEAF

    def ended(self, status: int) -> None:
        """Note that the process is gone, and when there is to be another."""
        now = time.monotonic()
        self.deaths = 1 if now - self.began > _SOUND else self.deaths + 1
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self.deaths - 1))
        self.pid, self.answers, self.status, self.due = 0, False, status, now + pause


def keep_alive(count: int, work: Work, listener: socket) -> int:
    """Run `count` workers until the process is told to end; return the exit status.

    The first is started alone: if it cannot start, its status is returned. For the main thread of a
    process that has no other. `listener` is the socket that the workers share.
    """
    return _Keeper(count, work, listener).run()


class _Keeper:
    def __init__(self, count: int, work: Work, listener: socket) -> None:
        self._work = work
        self._listener = listener
        self._workers = [_Place(number) for number in range(count)]
        self._answers, self._answering = os.pipe()
        """Workers write their number when they answer, and as long as they live."""
        self._woken, self._wake = os.pipe()
        """The interpreter writes the number of each signal."""
        os.set_blocking(self._wake, False)
        self._told: list[int] = []
        """The signals that told us to end."""
        self._keeping = False
        self._parent = os.getpid()

    def run(self) -> int:
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in _HEARD:
            signal.signal(number, _noted)
        first, *others = self._workers
        self._start(first)
        while not (first.answers or self._told):
            self._wait(None)
            if not first.pid:
                return first.status if first.status >= 0 else 128 - first.status
        if not self._told:
            self._keep(others)
        self._listener.close()
        return self._end()

    def _keep(self, others: list[_Place]) -> None:
        """Start the others, and replace whoever dies, until we are told to end."""
        for worker in others:
            self._start(worker)
        announced = False
        self._keeping = True
        while not self._told:
            if not announced and all(worker.answers for worker in self._workers):
                announce(self._listener)
                announced = True
            now = time.monotonic()
            pauses = [worker.due - now for worker in self._workers if not worker.pid]
            self._wait(max(0.0, min([*pauses, _DEAF / 4])))
            for worker in self._workers:
                if worker.is_deaf():
                    said = "worker %s has not come back to its event loop for %g s: it is killed"
                    log.error(said, worker.pid, _DEAF)
                    worker.answers = False
                    os.kill(worker.pid, signal.SIGKILL)
                if not (worker.pid or self._told) and worker.due <= time.monotonic():
                    self._start(worker)

    def _end(self) -> int:
        """Let the workers finish; end those by force that do not, or all if told again."""
        self._signal(signal.SIGTERM)
        until = time.monotonic() + _GRACE
        while any(worker.pid for worker in self._workers):
            left = until - time.monotonic()
            if left <= 0 or len(self._told) > 1:
                self._signal(signal.SIGKILL)
            self._wait(max(0.1, left))
        return 128 + self._told[1] if len(self._told) > 1 else 0

    def _signal(self, number: int) -> None:
        for worker in self._workers:
            if worker.pid:
                os.kill(worker.pid, number)

    def _start(self, worker: _Place) -> None:
        worker.began = time.monotonic()
        # A signal that came between the fork and the next lines would be ours, and be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        try:
            worker.pid = os.fork()
            if not worker.pid:
                self._become(worker)
        except OSError:
            log.exception("no worker can be started")
            worker.ended(_BUG)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)

    def _become(self, worker: _Place) -> NoReturn:
        """Be a worker."""
        status = _BUG
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # A terminal sends it to all of us: the parent passes on what it means.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            for fd in (self._answers, self._woken, self._wake):
                os.close(fd)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            os.set_blocking(self._answering, False)
            status = self._work(Worker(partial(self._lives, worker.number), self._parent))
        except BaseException:
            log.exception("the worker failed")
        finally:
            flush_logs()
            os._exit(status)

    def _lives(self, number: int) -> None:
        """Tell the parent that this worker lives; have it told what keeps us, if we do not."""
        # A parent that does not read holds nobody up; that it is gone is noticed elsewhere.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._answering, bytes([number]))
        faulthandler.dump_traceback_later(_DEAF * _TELLING, file=2)

    def _wait(self, seconds: float | None) -> None:
        """Wait until something happens, and take note of it."""
        ready, _, _ = select.select([self._woken, self._answers], [], [], seconds)
        if self._woken in ready:
            self._told += [number for number in os.read(self._woken, 64) if number in _TOLD]
        if self._answers in ready:
            for number in os.read(self._answers, 4096):
                worker = self._workers[number]
                worker.answers, worker.heard = bool(worker.pid), time.monotonic()
        for worker in self._workers:
            if worker.pid:
                self._reap(worker)

    def _reap(self, worker: _Place) -> None:
        with suppress(ChildProcessError):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                worker.ended(os.waitstatus_to_exitcode(status))
                if self._keeping and not self._told:
                    pause = worker.due - time.monotonic()
                    said = "worker %s ended with status %s; another starts in %.3g s"
                    log.error(said, pid, worker.status, pause)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the descriptor that the interpreter writes to says what has come."""
