"""The stdio server of a plugin with `async` hooks: an event loop reads, and runs them where it is.

Plain functions of such a plugin run on threads, so that they cannot block the loop.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from scaffold.server._process.shutdown import Ending
from scaffold.server._process.stdio_descriptors import Pipes
from scaffold.server._protocol.call_runner import Tasks
from scaffold.server._protocol.service import Service
from scaffold.server._protocol.tool_calls import Call
from scaffold.server._stdio.line_framing import Lines
from scaffold.server._stdio.session import Conversation
from scaffold.server._stdio.stdout_writer import Outlet

__all__ = ["LoopedServer"]


class LoopedServer:
    """Serves one client over pipes until the input ends, in the running event loop."""

    def __init__(self, service: Service, pipes: Pipes, largest: int) -> None:
        self._input = pipes.input
        self._tasks = Tasks()
        self.ending = Ending(
            self._drain, partial(self._tasks.tear_down, service.tear_down), orphan_ends=True
        )
        self._outlet = Outlet(pipes.output, self.ending.begin)
        self._conversation = Conversation(service, self._outlet, largest, self._tasks.cancel)
        self._framing = Lines(largest)
        self._flushing = False
        self._writer = ThreadPoolExecutor(1, "writer")
        self._writing = False
        """True while a thread writes for us."""
        self._held = False
        """True while nothing is read, because the client does not read either."""

    async def run(self) -> None:
        """Serve; return when the process is to exit."""
        self._listen()
        await self._tasks.loop.run_in_executor(self._tasks.threads, self.ending.wait)

    def _listen(self) -> None:
        loop = self._tasks.loop
        try:
            loop.add_reader(self._input, self._readable)
        except PermissionError:
            # A plain file, which is always ready, and which no selector takes.
            loop.call_soon(self._read_file)

    def _read_file(self) -> None:
        self._readable()
        if not (self.ending.begun or self._held):
            self._tasks.loop.call_soon(self._read_file)

    def _readable(self) -> None:
        try:
            chunk = os.read(self._input, self._framing.most)
        except OSError:
            chunk = b""
        for line in self._framing.feed(chunk) if chunk else self._framing.end():
            call = self._conversation.repetition(line)
            if call is None:
                call = self._conversation.accept(line)
                if call is None:
                    continue
                self._conversation.learn(line, call)
            response = self._tasks.finish_quick(call)
            if response is None:
                self._tasks.start(call, self._finish(call))
            else:
                self._conversation.reply(call, response)
        self._flush()
        self._held = self._outlet.is_full
        if self._held or not chunk:
            self._tasks.loop.remove_reader(self._input)
        if not chunk:
            self.ending.begin()

    async def _finish(self, call: Call) -> None:
        try:
            response = await self._tasks.finish(call, self._tell)
        except asyncio.CancelledError:
            response = b""
        self._conversation.reply(call, response)
        if self._conversation.running:
            self._flush_soon()
        else:
            # Nothing else is under way that the answer could be written with.
            self._flush()

    def _tell(self, message: bytes) -> None:
        """Send a message that belongs to a call, from the loop or from a thread."""
        self._outlet.add(message + b"\n")
        self._tasks.loop.call_soon_threadsafe(self._flush)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._tasks.loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write here what fits into the pipe; a thread waits for a client that reads slowly."""
        self._flushing = False
        if self._writing:
            return
        if self._outlet.fits():
            self._outlet.flush()
        else:
            self._writing = True
            written = self._tasks.loop.run_in_executor(self._writer, self._outlet.flush)
            written.add_done_callback(self._written)

    def _written(self, _written: object) -> None:
        """Go on with what has come while the thread wrote, and with reading."""
        self._writing = False
        if not self._outlet.is_empty:
            self._flush()
        if self._held and not self.ending.begun:
            self._held = False
            self._listen()

    def _drain(self, timeout: float) -> None:
        self._tasks.loop.call_soon_threadsafe(self._conversation.leave)
        self._tasks.drain(timeout)
        self._outlet.flush()
        self._outlet.settle(timeout)
