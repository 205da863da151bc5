"""A child's stderr, read into the host's log for as long as the child runs.

Each process has one thread for this: neither a busy event loop nor an idle host stops it, and the
child never waits for a reader. The thread also ends the process of a connection that was forgotten:
a finaliser may run anywhere, so it must not wait, and leaves that to a thread that exists already.
"""

import atexit
import os
import threading
import time
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold.client._process.descriptors import DESCRIPTORS, poller_for
from scaffold.client._process.launch import NoRoom
from scaffold.client._process.log_reader import LogReader
from scaffold.client._process.process import Process
from scaffold.client._process.waits import pauses

__all__ = ["StderrLog"]

_PAUSE: Final = 50
"""Milliseconds without a further line after which a record is complete."""
_READ: Final = 65536
_GRACE: Final = 0.2
"""Seconds that the process of a forgotten connection gets to end."""
_AT_EXIT: Final = 3.0
"""Seconds that the interpreter waits at its exit for the processes that were not closed."""


class StderrLog:
    """Logs the stderr of a process to the logger `plugin.<name>`, and keeps the last lines.

    Raises `NoRoom` if there is no room for its thread.
    """

    def __init__(self, process: Process, plugin: str) -> None:
        self.all_logged = False
        """True once the process has closed its stderr, and all of it is logged."""
        self.finished = False
        """True once the thread has nothing left to do."""
        self._process = process
        self._unclosed = False
        self._reader = LogReader(plugin)
        try:
            self._stopped, self._stop = DESCRIPTORS.pipe()
        except OSError as error:
            raise NoRoom(f"cannot make a pipe: {os.strerror(error.errno or 0)}") from None
        self._open = {self._stop}
        reset_after_fork(self._in_fork)
        self._thread = threading.Thread(target=self._run, name=f"stderr of {plugin}", daemon=True)
        try:
            self._thread.start()
        except BaseException as error:
            DESCRIPTORS.close_all((self._stopped, self._stop))
            self._open.clear()
            if isinstance(error, RuntimeError):
                raise NoRoom(str(error)) from None
            raise
        _RUNNING.add(self)

    @property
    def on_log_thread(self) -> bool:
        """True on the thread that logs, as in a log handler that closes the channel."""
        return self._thread is threading.current_thread()

    def tail(self) -> str:
        """Return the last lines."""
        return "\n".join(list(self._reader.lines))

    def terminate_unclosed(self) -> None:
        """Have the process ended, and its pipes closed. For finalisers: takes no lock."""
        self._unclosed = True
        self._process.close_input()
        self.close()

    def close(self) -> None:
        """Stop reading, even if something still holds the other end. May be repeated."""
        try:
            self._open.remove(self._stop)
        except KeyError:
            return
        DESCRIPTORS.close(self._stop)

    def _run(self) -> None:
        process = self._process
        try:
            self._read()
            process.terminate(_GRACE)
        finally:
            process.reap()
            process.close(process.stderr)
            if self._unclosed:
                process.close_pipes()
            DESCRIPTORS.close(self._stopped)
            self.finished = True
            _RUNNING.discard(self)

    def _read(self) -> None:
        """Log what comes, until `close` is called; what has come by then is logged as well."""
        stderr, stopped, reader = self._process.stderr, self._stopped, self._reader
        poller = poller_for(read=(stderr, stopped))
        while True:
            ready = [fd for fd, _event in poller.poll(_PAUSE if reader.pending else None)]
            if not ready:
                reader.flush()
                continue
            if stderr not in ready:
                break
            data = os.read(stderr, _READ)
            if not data:
                break
            reader.feed(data)
        reader.close()
        self.all_logged = True
        poller_for(read=(stopped,)).poll()

    def _in_fork(self) -> None:
        """Leave the process to the host, of which this process is a fork."""
        self._open.clear()
        _RUNNING.discard(self)


_RUNNING: Final[set[StderrLog]] = set()


@atexit.register
def _end_all() -> None:
    """End the processes that were not closed."""
    for log in list(_RUNNING):
        log.terminate_unclosed()
    for nap in pauses(_AT_EXIT):
        if not _RUNNING:
            return
        time.sleep(nap)
