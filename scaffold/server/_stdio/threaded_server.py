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
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from scaffold._concurrency.locks import Rank, lock
from scaffold._mcp.jsonrpc import JsonRpcError, write_error_response
from scaffold.server._plugin.hook_steps import settle
from scaffold.server._process.shutdown import Ending
from scaffold.server._process.stdio_descriptors import Pipes
from scaffold.server._protocol.service import Service
from scaffold.server._protocol.streams import StreamCall
from scaffold.server._protocol.tool_calls import Call
from scaffold.server._stdio.line_framing import Lines
from scaffold.server._stdio.reader_lease import Lead
from scaffold.server._stdio.session import Conversation
from scaffold.server._stdio.stdout_writer import Outlet

if TYPE_CHECKING:
    from scaffold.server._protocol.stream_threads import StreamPool

__all__ = ["ThreadedServer"]

_TICK: Final = 0.004
"""Seconds between two looks of the watcher: a hook leads for one or two of them."""
_QUIET: Final = 25
"""Ticks without work after which the watcher goes to sleep."""
_MOST: Final = 64
"""Slow calls that run at once; more wait for one of them."""
_NEWLINE: Final = ord("\n")
_TAIL: Final = b"}}\n"
"""What a call ends with that is all that has come."""


class ThreadedServer:
    """Serves one client over pipes until the input ends."""

    def __init__(self, service: Service, pipes: Pipes, largest: int) -> None:
        self._input = pipes.input
        self.ending = Ending(self._drain, partial(_tear_down, service), orphan_ends=True)
        self._outlet = Outlet(pipes.output, self.ending.begin)
        self._conversation = Conversation(service, self._outlet, largest, _let_go)
        self._framing = Lines(largest)
        self._lines: deque[bytes] = deque()
        """What has come and nobody has looked at; for the leader alone."""
        self._lock = lock(Rank.READER)
        self._lead = Lead()
        self._slow = 0
        self._waiting: deque[Call] = deque()
        self._quiet = 0
        """Ticks since something came."""
        self._wake = threading.Event()
        self._over = False
        """True if all has been read and looked at."""

    def run(self) -> None:
        """Serve; return when the process is to exit."""
        self._watcher()
        self._serve(self._lead)
        self.ending.wait()

    def _serve(self, lead: Lead) -> None:
        """Read and answer, until the input ends or the lead is lost.

        Most often one line has come, and is a call like an earlier one. All that is done for it is
        here and in `Heads.split`, `Answers.repeat` and `Outlet.put`: the code is cold when a call
        comes, and every function more is felt.
        """
        at, lines, framing = lead.at, self._lines, self._framing
        split, add, put = self._conversation.templates.split, self._outlet.add, self._outlet.put
        read, inlet, most = os.read, self._input, _MOST
        while not self._over:
            if lines:
                line = lines.popleft()
                parts = split(line)
            else:
                try:
                    line = read(inlet, framing.most)
                except OSError:
                    line = b""
                if self._quiet:
                    self._stir()
                parts = None if framing.held else split(line, _TAIL)
                if parts is None or _NEWLINE in parts[1]:
                    self._feed(line)
                    continue
            at.append(line)
            response = None
            if parts is not None and self._slow < most:
                number, payload, answers = parts
                try:
                    response = answers.repeat(number, payload, _TAIL)
                except JsonRpcError as error:
                    response = write_error_response(error, int(number)) + b"\n"
            if response is None or not at:
                self._aside(lead, line, response)
            else:
                (add if lines else put)(response)
            try:
                at.pop()
            except IndexError:
                self._help_out(lead)
                return
        self.ending.begin()

    def _feed(self, chunk: bytes) -> None:
        """Take what is not one familiar line; nothing is the end of the input."""
        self._lines += self._framing.feed(chunk) if chunk else self._framing.end()
        self._over = not (chunk or self._lines)

    def _aside(self, lead: Lead, line: bytes, response: bytes | None) -> None:
        """Go on with a line that is not answered yet, or that has cost its thread the lead."""
        if response is None:
            self._read(line)
        else:
            self._late(lead, response)

    def _read(self, line: bytes) -> None:
        """Read a line in full, and answer it."""
        call = self._conversation.accept(line)
        if isinstance(call, StreamCall):
            self._streams.start(call, self._tell, partial(self._end_stream, call))
        elif call is not None and not self._postpone(call):
            self._conversation.learn(line, call)
            self._finish(call)
        if not self._lines:
            self._outlet.flush()

    def _late(self, lead: Lead, response: bytes) -> None:
        """Answer a call that has cost its thread the lead."""
        with self._lock:
            call = lead.lost_for
        if call is None:
            self._outlet.add(response)
        else:
            self._conversation.reply(call, response[:-1])

    @cached_property
    def _streams(self) -> "StreamPool":
        from scaffold.server._protocol.stream_threads import StreamPool

        return StreamPool()

    def _end_stream(self, call: StreamCall, response: bytes) -> None:
        self._conversation.reply(call, response)
        self._outlet.flush()

    def _finish(self, call: Call) -> None:
        self._conversation.reply(call, call.finish(self._tell))

    def _tell(self, message: bytes) -> None:
        """Send a message that belongs to a call."""
        self._outlet.put(message + b"\n")

    def _postpone(self, call: Call) -> bool:
        """Queue a call if as many slow ones as may be are running."""
        if self._slow < _MOST:
            return False
        with self._lock:
            if self._slow < _MOST:
                return False
            self._waiting.append(call)
            return True

    def _help_out(self, lead: Lead) -> None:
        """Having lost the lead, finish what waits for a free thread."""
        with self._lock:
            if lead.lost_for is not None:
                self._conversation.forget(lead.lost_for)
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
        seen: bytes | None = None
        while True:
            time.sleep(_TICK)
            now = self._lead.doing()
            if now is not None and now is seen:
                lead = self._depose()
                if lead is not None:
                    break
            seen = now
            self._quiet = 0 if now is not None else self._quiet + 1
            if self._quiet > _QUIET:
                self._sleep()
        self._watcher()
        lead.at.append(now)
        self._outlet.flush()
        if lead.take() is None:
            self._help_out(lead)
        else:
            self._serve(lead)

    def _depose(self) -> Lead | None:
        """Take the lead from a thread that is slow, unless too many are already."""
        with self._lock:
            line = self._lead.take() if self._slow < _MOST else None
            if line is None:
                return None
            self._slow += 1
            self._lead.lost_for = self._conversation.repeated(line)
            self._lead = Lead()
            return self._lead

    def _stir(self) -> None:
        self._quiet = 0
        self._wake.set()

    def _sleep(self) -> None:
        self._wake.clear()
        if self._quiet:
            self._wake.wait()

    def _drain(self, timeout: float) -> None:
        """Wait for the calls under way, but no longer than `timeout` seconds."""
        end = time.monotonic() + timeout
        self._conversation.leave()
        while (self._conversation.running or self._lead.at) and time.monotonic() < end:
            time.sleep(_TICK)
        self._outlet.flush()
        self._outlet.settle(max(0.0, end - time.monotonic()))


def _let_go(_call: Call) -> None:
    """A plain function cannot be stopped: its answer is not sent, that is all."""


def _tear_down(service: Service) -> None:
    ended = service.tear_down()
    if ended is not None:
        import asyncio

        asyncio.run(settle(ended))
