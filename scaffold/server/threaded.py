"""The stdio server of a plugin whose hooks are all plain functions: threads, and no event loop.

One thread leads: it reads, runs each hook where it stands and writes the answers together. A
watcher looks on, and when something takes longer than a few milliseconds it takes over the lead:
whoever was slow finishes alone, and the others do not wait for it. Fast hooks so pay for no switch
between threads, and slow ones block nobody.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

from scaffold.server.calls import Call
from scaffold.server.conversation import Conversation
from scaffold.server.ending import Ending
from scaffold.server.framing import Lines, TooLong
from scaffold.server.outlet import Outlet
from scaffold.server.pipes import Pipes
from scaffold.server.service import Service

__all__ = ["ThreadedServer"]

_TICK: Final = 0.004
"""Seconds between two looks of the watcher: a hook leads for one or two of them."""
_QUIET: Final = 25
"""Ticks without work after which the watcher goes to sleep."""
_MOST: Final = 64
"""Slow calls that run at once; more wait for one of them."""
_CHUNK: Final = 65536


class ThreadedServer:
    """Serves one client over pipes until the input ends."""

    def __init__(self, service: Service, pipes: Pipes, largest: int) -> None:
        self._input = pipes.input
        self.ending = Ending(self._drain, service.plugin.teardown, orphan_ends=True)
        self._outlet = Outlet(pipes.output, self.ending.begin)
        self._conversation = Conversation(service, self._outlet, largest, _let_go)
        self._framing = Lines(largest)
        self._lines: deque[bytes | TooLong] = deque()
        self._lock = threading.Lock()
        self._term = 0
        """Counts the leaders; a thread leads as long as it is its own term."""
        self._busy = False
        """True while the leader does anything but wait for input."""
        self._serial = 0
        """Counts the things that leaders do."""
        self._slow = 0
        self._waiting: deque[Call] = deque()
        self._asleep = False
        self._wake = threading.Event()

    def run(self) -> None:
        """Serve; return when the process is to exit."""
        self._watcher()
        self._lead(self._term)
        self.ending.wait()

    def _lead(self, term: int) -> None:
        """Read and answer, until the input ends or the lead is lost."""
        while True:
            chunk = self._read()
            self._lines.extend(self._framing.feed(chunk) if chunk else self._framing.end())
            self._serial += 1
            self._busy = True
            if self._asleep:
                self._wake.set()
            if not self._work_off(term):
                return
            if not chunk:
                self.ending.begin()
                return

    def _read(self) -> bytes:
        try:
            return os.read(self._input, _CHUNK)
        except OSError:
            return b""

    def _work_off(self, term: int) -> bool:
        """Answer every line that has come; tell whether this thread still leads."""
        for line in self._take():
            self._serial += 1
            if not self._answer(line):
                continue
            with self._lock:
                if self._term != term:
                    break
        else:
            self._serial += 1
            self._outlet.flush()
            with self._lock:
                if self._term == term:
                    self._busy = False
                    return True
        self._help_out()
        return False

    def _answer(self, line: bytes | TooLong) -> bool:
        """Answer a line; tell whether a hook was called for it."""
        if self._slow < _MOST and self._conversation.repeat(line):
            return True
        call = self._conversation.accept(line)
        if call is None or self._postpone(call):
            return False
        self._conversation.learn(line, call)
        self._finish(call)
        return True

    def _take(self) -> Iterator[bytes | TooLong]:
        """Yield the lines that have come; a leader just deposed may still take one."""
        while self._lines:
            try:
                line = self._lines.popleft()
            except IndexError:
                return
            yield line

    def _finish(self, call: Call) -> None:
        self._conversation.reply(call, call.finish(self._outlet.send))

    def _postpone(self, call: Call) -> bool:
        """Queue a call if as many slow ones as may be are running."""
        if self._slow < _MOST:
            return False
        with self._lock:
            if self._slow < _MOST:
                return False
            self._waiting.append(call)
            return True

    def _help_out(self) -> None:
        """Having lost the lead, finish what waits for a free thread."""
        while True:
            self._outlet.flush()
            with self._lock:
                if not self._waiting:
                    self._slow -= 1
                    return
                call = self._waiting.popleft()
            self._finish(call)

    def _watcher(self) -> None:
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def _watch(self) -> None:
        """Take over the lead when the leader has been at one thing for a whole tick."""
        seen = -1
        quiet = 0
        while True:
            time.sleep(_TICK)
            serial = self._serial
            if self._busy and serial == seen:
                term = self._depose(serial)
                if term is not None:
                    break
            quiet = 0 if serial != seen or self._busy else quiet + 1
            seen = serial
            if quiet > _QUIET:
                self._sleep()
                quiet = 0
        self._watcher()
        self._outlet.flush()
        if self._work_off(term):
            self._lead(term)

    def _depose(self, serial: int) -> int | None:
        with self._lock:
            if not self._busy or self._serial != serial or self._slow >= _MOST:
                return None
            self._slow += 1
            self._term += 1
            return self._term

    def _sleep(self) -> None:
        self._wake.clear()
        self._asleep = True
        if not self._busy:
            self._wake.wait()
        self._asleep = False

    def _drain(self, timeout: float) -> None:
        """Wait for the calls under way, but no longer than `timeout` seconds."""
        end = time.monotonic() + timeout
        self._conversation.leave()
        while self._conversation.running and time.monotonic() < end:
            time.sleep(_TICK)
        self._outlet.flush()
        self._outlet.settle(max(0.0, end - time.monotonic()))


def _let_go(_call: Call) -> None:
    """A plain function cannot be stopped: its answer is not sent, that is all."""
