"""A plugin's own server as a child process: how it is started, and how it is used temporarily.

A server over HTTP gets a port that no other process can take: the socket is bound here and
inherited by the child. So what answers at the port has our socket: no other user of the machine can
take it, neither before the child listens nor after it has died.
"""

import os
import re
import secrets
import socket
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Final
from urllib.parse import urlsplit

from scaffold.client._process.launch import inherited_variables
from scaffold.client._process.log_records import LogReader
from scaffold.contract._errors.errors import ConnectFailed
from scaffold.host._runtimes.connection_settings import module_path_variables, resolve_command
from scaffold.manifest._model import Manifest, McpStdio
from scaffold.resources._context_data import PROOF_VARIABLE

LOCALHOST: Final = "127.0.0.1"
_PAUSE: Final = 0.02
"""Seconds between two looks at a server that is starting."""
_GRACE: Final = 5.0
"""Seconds that a server may take to end."""
_MOMENT: Final = 1.0
"""Seconds in which what an ended server wrote last is read."""
_READ: Final = 65536
_USAGE: Final = 2
"""The exit status of a program that does not know an option."""
_LISTENS: Final = re.compile(r"listening on http://127\.0\.0\.1:(\d+)/")


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is started."""

    command: list[str]
    folder: Path
    env: Mapping[str, str]


@contextmanager
def running(server: Server, plugin: str, seconds: float) -> Generator[int]:
    """Run a server for a while, and yield its port once it answers.

    Args:
        server: How it is started; `--fd N` or `--port 0` is added to its command.
        plugin: The name of the plugin, whose log gets what it writes to stderr.
        seconds: How long it may take to start.

    Raises `ConnectFailed` if it does not start.
    """
    with ExitStack() as stack:
        yield _start(stack, server, plugin, monotonic() + seconds, seconds)


def _start(stack: ExitStack, server: Server, plugin: str, deadline: float, seconds: float) -> int:
    if hasattr(os, "fork"):
        with ExitStack() as undo:
            # Without SO_REUSEADDR, which would let others bind it until the child listens.
            listener = undo.enter_context(socket.socket())
            listener.bind((LOCALHOST, 0))
            undo.callback(_shut_down, listener)  # once the child has ended
            descriptor = listener.fileno()
            child = undo.enter_context(
                _child(server, plugin, ("--fd", str(descriptor)), (descriptor,))
            )
            _bury(child, listener)
            port: int = listener.getsockname()[1]
            if _awaited(child, lambda: port, deadline, seconds):
                stack.push(undo.pop_all())
                return port
    # A server of an older library, or a system whose processes inherit no sockets: the child takes
    # a port, and names it on its own stderr, which no other process can write to.
    child = stack.enter_context(_child(server, plugin, ("--host", LOCALHOST, "--port", "0")))
    if not _awaited(child, child.announced, deadline, seconds):
        raise ConnectFailed(child.ended())
    return child.announced() or 0


class _Child:
    """The server's process, whose stderr is read as long as there is any."""

    def __init__(self, process: "subprocess.Popen[bytes]", plugin: str) -> None:
        self.process = process
        self._log = LogReader(plugin)
        self._reading = Thread(target=self._read, name=f"stderr of {plugin}", daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            while data := os.read(stderr.fileno(), _READ):
                self._log.feed(data)
        self._log.close()

    def announced(self) -> int | None:
        """Return the port that the server has named, if it has."""
        found = (_LISTENS.search(line) for line in list(self._log.lines))
        return next((int(match[1]) for match in found if match), None)

    def ended(self) -> str:
        """Say how the process has ended."""
        self._reading.join(_MOMENT)
        return f"its server ended with status {self.process.returncode}{self.last_words()}"

    def last_words(self) -> str:
        """Return what it wrote last, to be put behind a message."""
        words = "\n".join(list(self._log.lines))
        return f"; its last words:\n{words}" if words else ""

    def end(self) -> None:
        """End the process, and read what it still says."""
        self.process.terminate()
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reading.join(_MOMENT)  # what it has started may hold its stderr for longer


@contextmanager
def _child(
    server: Server, plugin: str, options: Sequence[str], descriptors: Sequence[int] = ()
) -> Generator[_Child]:
    process = subprocess.Popen(
        [*server.command, *options],
        cwd=server.folder,
        env=server.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=descriptors,
    )
    child = _Child(process, plugin)
    try:
        yield child
    finally:
        child.end()


def _awaited(
    child: _Child, where: Callable[[], int | None], deadline: float, seconds: float
) -> bool:
    """Wait until the server answers; tell whether it does, or does not know its options.

    Raises `ConnectFailed` for any other end, and if it takes too long.
    """
    while not _healthy(where()):
        status = child.process.poll()
        if status == _USAGE:
            return False
        if status is not None:
            raise ConnectFailed(child.ended())
        if monotonic() > deadline:
            raise ConnectFailed(f"its server was not ready in {seconds:g} s{child.last_words()}")
        sleep(_PAUSE)
    return True


def _healthy(port: int | None) -> bool:
    if port is None:
        return False
    connection = HTTPConnection(LOCALHOST, port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _bury(child: _Child, listener: socket.socket) -> None:
    """Close the connections to a server that has died, until the socket is shut down.

    While the socket is open here, the system takes connections, and no other process can take the
    port.
    """

    def close_all() -> None:
        child.process.wait()
        listener.settimeout(None)
        with suppress(OSError):  # it was shut down, or has never listened
            while True:
                listener.accept()[0].close()

    Thread(target=close_all, name="closed port", daemon=True).start()


def _shut_down(listener: socket.socket) -> None:
    with suppress(OSError):  # the server has not listened yet
        listener.shutdown(socket.SHUT_RDWR)


_LOOPBACK = {"localhost", LOCALHOST, "::1"}


def own_package(manifest: Manifest) -> str | None:
    """Return the package in the plugin's folder that `python -m` can serve, if there is one."""
    package = (manifest.entry_point or "").partition(":")[0].partition(".")[0]
    main = manifest.folder / package / "__main__.py"
    return package if package and main.is_file() else None


def stdio_server(manifest: Manifest) -> Server:
    """Return how the plugin is started to speak over pipes."""
    stdio = manifest.mcp_stdio
    assert stdio is not None
    folder = manifest.folder / stdio.working_dir
    env = {**inherited_variables(stdio.env_inherit), **stdio.env}
    return Server(
        resolve_command(manifest),
        folder,
        {**env, **module_path_variables(stdio.command, folder, env)},
    )


def http_server(manifest: Manifest, *options: str) -> Server:
    """Return how the plugin's own package is started to serve over HTTP, with further options."""
    package = own_package(manifest)
    assert package is not None
    command = ("python", "-m", package, "--http", *options)
    over_pipes = manifest.mcp_stdio
    stdio = McpStdio(command=command)
    if over_pipes is not None:
        own = {"env": over_pipes.env, "env_inherit": over_pipes.env_inherit}
        stdio = stdio.model_copy(update=own)
    return stdio_server(manifest.model_copy(update={"mcp_stdio": stdio}))


@contextmanager
def serving(manifest: Manifest, variables: Mapping[str, str] | None = None) -> Generator[Manifest]:
    """Serve a plugin over HTTP for a while, if it is one that would be served from here.

    Yields the manifest with the address to use: that of the server started, or the manifest as it
    is for a plugin that lives elsewhere. The server answers only to a token that is made here: so
    it believes the metadata of its calls, and it gets no secret of the manifest.

    Args:
        manifest: The plugin's manifest, which has an `mcp_http`.
        variables: What tells its process of its host, as a `PluginEnvironment` writes them.

    Raises `ConnectFailed` if the server does not start.
    """
    assert manifest.mcp_http is not None
    url = urlsplit(manifest.mcp_http.url)
    if url.hostname not in _LOOPBACK or own_package(manifest) is None:
        yield manifest
        return
    token = secrets.token_urlsafe(32)
    server = http_server(manifest)
    server = Server(
        server.command, server.folder, {**server.env, **(variables or {}), PROOF_VARIABLE: token}
    )
    with running(server, manifest.name, manifest.startup_timeout_sec) as port:
        http = manifest.mcp_http.model_copy(
            update={
                "url": url._replace(netloc=f"{LOCALHOST}:{port}").geturl(),
                "auth": {"token": token},
                "auth_secret_env": None,
            }
        )
        yield manifest.model_copy(update={"mcp_http": http})
