"""The stdio server of a plugin with `async` hooks: an event loop reads and runs these hooks.

Plain functions of such a plugin run on threads, so that they cannot block the loop.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from scaffold.server._process.descriptors import StdioDescriptors
from scaffold.server._process.shutdown import Shutdown
from scaffold.server._protocol.call_runner import CallRunner
from scaffold.server._protocol.calls import Call
from scaffold.server._protocol.service import Service
from scaffold.server._stdio.session import LineSplitter, StdioSession
from scaffold.server._stdio.stdout_writer import StdoutWriter

_RETRY_INTERVAL: Final = 0.05
"""Seconds after which a thread is started again, if there was no room for it."""


class AsyncStdioServer:
    """Serves one client over pipes, in the running event loop, until the input ends."""

    def __init__(
        self, service: Service, descriptors: StdioDescriptors, max_message_bytes: int
    ) -> None:
        self._input = descriptors.input
        self._runner = CallRunner()
        self.shutdown = Shutdown(
            self._drain, partial(self._runner.tear_down, service.tear_down), orphan_ends=True
        )
        self._writer = StdoutWriter(descriptors.output, self.shutdown.start_shutdown)
        self._session = StdioSession(service, self._writer, max_message_bytes, self._runner.cancel)
        self._framing = LineSplitter(max_message_bytes)
        self._flushing = False
        self._flush_executor = ThreadPoolExecutor(1, "writer")
        self._writing = False
        """True while the flush thread writes."""
        self._reading_paused = False
        """True while reading is paused, because the client does not read its responses."""

    async def run(self) -> None:
        """Serve; return when the process may exit."""
        self._start_reading()
        await self._runner.loop.run_in_executor(self._runner.executor, self.shutdown.wait)

    def _start_reading(self) -> None:
        loop = self._runner.loop
        try:
            loop.add_reader(self._input, self._on_readable)
        except PermissionError:
            # A regular file is always ready, and selectors do not accept it.
            loop.call_soon(self._read_file)

    def _read_file(self) -> None:
        self._on_readable()
        if not (self.shutdown.started or self._reading_paused):
            self._runner.loop.call_soon(self._read_file)

    def _on_readable(self) -> None:
        try:
            chunk = os.read(self._input, self._framing.read_size)
        except OSError:
            chunk = b""
        for line in self._framing.feed(chunk) if chunk else self._framing.end():
            call = self._session.match_template(line)
            if call is None:
                call = self._session.handle_line(line)
                if call is None:
                    continue
                self._session.remember_template(line, call)
            response = self._runner.run_if_fast(call)
            if response is None:
                self._runner.start(call, self._run_call(call))
            else:
                self._session.respond(call, response)
        self._flush()
        self._reading_paused = self._writer.is_full
        if self._reading_paused or not chunk:
            self._runner.loop.remove_reader(self._input)
        if not chunk:
            self.shutdown.start_shutdown()

    async def _run_call(self, call: Call) -> None:
        try:
            response = await self._runner.run(call, self._send)
        except asyncio.CancelledError:
            response = b""
        self._session.respond(call, response)
        if self._session.running:
            self._flush_soon()
        else:
            # No other call is in flight whose response could be written together with this one.
            self._flush()

    def _send(self, message: bytes) -> None:
        """Send a message of a call, from the loop or from a thread."""
        self._writer.enqueue(message + b"\n")
        self._runner.loop.call_soon_threadsafe(self._flush)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._runner.loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write what fits into the pipe; otherwise a thread writes and waits for the client."""
        self._flushing = False
        if self._writing:
            return
        if self._writer.fits_in_pipe():
            self._writer.flush()
        else:
            self._writing = True
            try:
                flushed = self._runner.loop.run_in_executor(
                    self._flush_executor, self._writer.flush
                )
            except RuntimeError:  # no room for a thread at the moment
                self._runner.loop.call_later(_RETRY_INTERVAL, self._on_flushed, None)
            else:
                flushed.add_done_callback(self._on_flushed)

    def _on_flushed(self, _on_flushed: object) -> None:
        """Write what was queued while the thread wrote, and resume reading."""
        self._writing = False
        if not self._writer.is_empty:
            self._flush()
        if self._reading_paused and not self.shutdown.started:
            self._reading_paused = False
            self._start_reading()

    def _drain(self, timeout: float) -> None:
        self._runner.loop.call_soon_threadsafe(self._session.cancel_streams)
        self._runner.drain(timeout)
        self._writer.flush()
        self._writer.wait_idle(timeout)
