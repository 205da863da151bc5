"""Copies the stderr of a child process to the host's log.

Each process has a thread for this, so a busy event loop or an idle host never makes the child wait.
The thread also ends the process of a connection that was not closed: a finalizer may run in any
thread and must not wait, so it leaves the waiting to this thread.
"""

import atexit
import os
import threading
import time
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold.client._process.descriptors import DESCRIPTORS, poller_for
from scaffold.client._process.launch import NoRoom
from scaffold.client._process.log_records import LogReader
from scaffold.client._process.process import Process, pauses, run_steps

_PAUSE: Final = 50
"""Milliseconds without another line after which a record is complete."""
_READ: Final = 65536
_GRACE: Final = 0.2
"""Seconds until the process of a connection that was not closed is ended by force."""
_AT_EXIT: Final = 3.0
"""Seconds that the exit of the interpreter waits for processes that were not closed."""


class StderrLog:
    """Logs the stderr of a process to the logger `plugin.<name>`, and keeps the last lines.

    Raises `NoRoom` if the host cannot start another thread, or its interpreter is about to exit.
    """

    def __init__(self, process: Process, plugin: str) -> None:
        self.all_logged = False
        """True once the process has closed its stderr, and all of it is logged."""
        self.finished = False
        """True when the thread has finished."""
        self._process = process
        self._unclosed = False
        self._at_exit = False
        self._reader = LogReader(plugin)
        if _EXITING.is_set():
            raise NoRoom("the interpreter is about to exit")
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
        """Let the thread end the process and close its pipes. For finalizers: takes no lock."""
        self._unclosed = True
        self._process.close_input()
        self.close()

    def terminate_at_exit(self) -> None:
        """Let the thread end the process; other threads may still use the pipes."""
        self._at_exit = True
        self._process.discard_input()
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
            if not self._at_exit:
                process.close_input()
            run_steps(process.terminate_steps(_GRACE))
        finally:
            process.reap()
            process.close(process.stderr)
            if self._unclosed:
                process.close_pipes()
            DESCRIPTORS.close(self._stopped)
            self.finished = True
            _RUNNING.discard(self)

    def _read(self) -> None:
        """Log the output until `close` is called, including all output up to then."""
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
        """Leave the process to the parent of this fork."""
        self._open.clear()
        _RUNNING.discard(self)


_RUNNING: Final[set[StderrLog]] = set()
_EXITING: Final = threading.Event()
"""Set when the interpreter exits. A daemon thread then starts no process."""


@atexit.register
def _end_all() -> None:
    """End the processes that were not closed."""
    _EXITING.set()
    for log in list(_RUNNING):
        log.terminate_at_exit()
    for nap in pauses(_AT_EXIT):
        if not _RUNNING:
            return
        time.sleep(nap)
