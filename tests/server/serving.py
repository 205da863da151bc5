"""Servers in processes of their own, and the plainest of clients."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

PLUGINS = Path(__file__).parent / "plugins"
PATIENCE = 15.0
"""Seconds after which a test has failed."""

QUIET = 1.0
"""Seconds after which a server that has taken nothing takes nothing any more."""

MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Sent(NamedTuple):
    """How many messages went out whole, and what is left of the next."""

    whole: int
    rest: bytes


class Server:
    """A server's process."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        program: tuple[str, ...] = ("-m", "scaffold.server"),
        **environment: str,
    ) -> None:
        self.log = folder / "stderr"
        self.notes = folder
        self._log: IO[bytes] = self.log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=PLUGINS,
            env={**os.environ, "NOTES": str(folder), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            start_new_session=True,
        )
        self._rest = b""

    def send(self, *messages: Any) -> None:
        """Write messages: bytes as they are, anything else as a line of JSON."""
        assert self.process.stdin is not None
        lines = [m if isinstance(m, bytes) else json.dumps(m).encode() + b"\n" for m in messages]
        self.process.stdin.write(b"".join(lines))

    def send_unread(self, messages: Iterable[Any]) -> "Sent":
        """Write messages until the server takes no more."""
        assert self.process.stdin is not None
        inlet = self.process.stdin.fileno()
        os.set_blocking(inlet, False)
        whole, rest = -1, b""
        for message in messages:
            whole, rest = whole + 1, json.dumps(message).encode() + b"\n"
            while rest and select.select([], [inlet], [], QUIET)[1]:
                rest = rest[os.write(inlet, rest) :]
            if rest:
                break
        os.set_blocking(inlet, True)
        return Sent(whole, rest)

    def receive(self) -> Any:
        """Read one message; `None` at the end."""
        assert self.process.stdout is not None
        end = time.monotonic() + PATIENCE
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            assert ready, f"no answer in {PATIENCE} s; the log: {self.log.read_text()}"
            chunk = os.read(self.process.stdout.fileno(), 1 << 20)
            if not chunk:
                assert not self._rest
                return None
            self._rest += chunk
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, method: str, id: int | str = 1, **params: Any) -> Any:
        """Send one modern request and return its response."""
        self.send(modern(method, id, **params))
        return self.receive()

    def call(self, tool: str, id: int | str = 1, **arguments: Any) -> Any:
        """Call one tool and return its result."""
        return self.ask("tools/call", id, name=tool, arguments=arguments)["result"]

    def noted(self, word: str) -> None:
        """Wait until the plugin has left a word."""
        end = time.monotonic() + PATIENCE
        while not (self.notes / word).exists():
            assert time.monotonic() < end, f"the plugin has not noted '{word}'"
            time.sleep(0.005)

    def forget(self) -> None:
        """Take away what words the plugin has left."""
        for word in self.notes.iterdir():
            if word != self.log:
                word.unlink()

    def end(self) -> int:
        """Close the input and return the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def stop(self) -> None:
        """End the process whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._log):
            if stream is not None:
                stream.close()

    def url(self) -> str:
        """Wait until an HTTP server has said where it is."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for line in self.log.read_text().splitlines():
                if line.startswith("listening on "):
                    return line.removeprefix("listening on ")
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.01)
        raise AssertionError("the server has not said where it is")


def modern(method: str, id: int | str = 1, **params: Any) -> dict[str, Any]:
    """Make a request of the modern era; `_meta` adds to what it must say."""
    meta = {**META, **params.pop("_meta", {})}
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {**params, "_meta": meta}}


Start = Callable[..., Server]
