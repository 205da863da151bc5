"""A minimal MCP client over pipes that trusts nothing: it sends bytes and signals, reads lines."""

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import IO, Any, Final

from msgspec import Raw

from scaffold._mcp.hook_tools import OfferedTools
from scaffold._mcp.jsonrpc import encode
from scaffold._mcp.lenient_reading import ignore_warning, read_tools
from scaffold._mcp.tool_results import WRAPPED_ARGUMENT
from scaffold.contract._errors.errors import ConnectFailed, ProtocolError, TransportError
from scaffold.contract._json import Json, JsonObject, is_object
from scaffold.host._runtimes.server_process import stdio_server
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest

RESPONSE_TIMEOUT: Final = 10.0
"""Seconds to wait for a response, or for the end of a process."""
_CHILD_EXIT_TIMEOUT: Final = 1.0
"""Seconds for children to end after their process; a scaffold server kills them after 0.5 s."""
_POLL_INTERVAL: Final = 0.02


class NoResponse(TransportError):
    """The process did not respond in time; the message names the request."""

    code = "silent"


class RawClient:
    """A client of a plugin's server over pipes, which runs in a session of its own."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self.popen = popen
        self.lines: list[bytes] = []
        """All lines of stdout so far."""
        self._ids = 0
        self._answers: queue.Queue[JsonObject | None] = queue.Queue()
        assert popen.stdout is not None
        reader = threading.Thread(target=self._read, args=(popen.stdout,), daemon=True)
        reader.start()

    def greet(
        self, subject: PluginUnderTest, seconds: float = RESPONSE_TIMEOUT
    ) -> list[JsonObject]:
        """Open a session, and return the parameters of a valid call of each tool.

        Raises `NoResponse`, or `ProtocolError` if the list of tools is malformed.
        """
        hello: JsonObject = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "scaffold-test", "version": "1"},
        }
        self.ask("initialize", hello, seconds)
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        answered = self.ask("tools/list", {})
        try:
            return list(_valid_tool_calls(subject, answered["result"]["tools"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ProtocolError(f"the answer to tools/list is malformed: {error}") from None

    def ask(self, method: str, params: JsonObject, seconds: float = RESPONSE_TIMEOUT) -> JsonObject:
        """Send a request and return the response to it; raise `NoResponse`."""
        self._ids += 1
        mark = self._ids
        self.write({"jsonrpc": "2.0", "id": mark, "method": method, "params": params})
        deadline = monotonic() + seconds
        while True:
            try:
                answer = self._answers.get(timeout=max(0.0, deadline - monotonic()))
            except queue.Empty:
                raise NoResponse(f"'{method}' had no answer within {seconds:g} s") from None
            if answer is None:
                raise NoResponse(f"the process ended with status {self.popen.wait()} at '{method}'")
            if answer.get("id") == mark:
                return answer

    def write(self, message: JsonObject | bytes) -> None:
        """Send a line. If the process has ended, the next request reports that."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        assert self.popen.stdin is not None
        with suppress(BrokenPipeError):
            self.popen.stdin.write(data + b"\n")
            self.popen.stdin.flush()

    def end_input(self) -> None:
        """Close the process's stdin."""
        assert self.popen.stdin is not None
        with suppress(BrokenPipeError):
            self.popen.stdin.close()

    def ended(self, seconds: float = RESPONSE_TIMEOUT) -> bool:
        """Wait for the end of the process; return whether it has ended."""
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def leaves_children(self) -> bool:
        """Return whether children of the process still run shortly after its end."""
        deadline = monotonic() + _CHILD_EXIT_TIMEOUT
        while self._has_group():
            if monotonic() > deadline:
                return True
            sleep(_POLL_INTERVAL)
        return False

    def _has_group(self) -> bool:
        try:
            os.killpg(self.popen.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def end(self) -> None:
        """Kill the process and its children."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def _read(self, stdout: IO[bytes]) -> None:
        with suppress(ValueError):  # closed while it was read
            for line in stdout:
                self.lines.append(line)
                answer = _parsed(line)
                if answer is not None:
                    self._answers.put(answer)
        self._answers.put(None)


def _parsed(line: bytes) -> JsonObject | None:
    try:
        value: Any = json.loads(line)
    except ValueError:
        return None
    return value if is_object(value) else None


def _valid_tool_calls(subject: PluginUnderTest, listed: list[JsonObject]) -> Iterator[JsonObject]:
    tools = read_tools((Raw(encode(tool)) for tool in listed), ignore_warning)
    offer = OfferedTools.read(subject.kind, subject.manifest.name, tools)
    called: set[str] = set()
    for case in subject.valid_calls:
        hook = subject.kind.hooks[case.hook]
        arguments: Json = case.payload if case.payload is not None else {}
        if hook.functions is not None:
            tool = offer.functions[hook.name].get(arguments[hook.functions.name])
            arguments = arguments[hook.functions.arguments]
        else:
            tool = offer.tools.get(hook.name)
            if not subject.kind.describe(hook.name)["input"]["object"]:
                arguments = {WRAPPED_ARGUMENT: case.payload}
        if tool is not None and tool not in called:
            called.add(tool)
            yield {"name": tool, "arguments": arguments}


@contextmanager
def start_server(
    subject: PluginUnderTest, env: Mapping[str, str] | None = None, stderr: int = subprocess.DEVNULL
) -> Generator[RawClient]:
    """Start the plugin's process; raise `NotApplicable` if its manifest names none."""
    subject.must_offer("mcp_stdio")
    server = stdio_server(subject.manifest)
    try:
        popen = subprocess.Popen(
            server.command,
            cwd=server.folder,
            env={**server.env, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    except OSError as error:
        raise ConnectFailed(f"cannot run '{server.command[0]}': {error.strerror}") from None
    peer = RawClient(popen)
    try:
        yield peer
    finally:
        peer.end()
