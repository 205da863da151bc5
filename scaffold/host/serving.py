"""A plugin's own server, as a process: how it is started, and how it ends."""

import os
import socket
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import IO
from urllib.parse import urlsplit

from scaffold.client.log_reader import LogReader
from scaffold.contract.errors import ConnectFailed
from scaffold.host.addresses import command_of
from scaffold.host.manifest import Manifest, McpStdio

__all__ = ["Server", "http_server", "own_package", "serving", "stdio_server"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PAUSE = 0.02
"""Seconds between two looks at a server that is starting."""
_GRACE = 5.0
"""Seconds that a server may take to end."""
_READ = 65536
_LAST_WORDS = 2000
"""Bytes of a failed server's stderr that are repeated."""


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is started."""

    command: list[str]
    folder: Path
    env: dict[str, str]


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
    return Server(command_of(manifest), folder, {**os.environ, **stdio.env})


def http_server(manifest: Manifest, host: str, port: int) -> Server:
    """Return how the plugin's own package is started to listen at an address."""
    package = own_package(manifest)
    assert package is not None
    options = ("--http", "--host", host, "--port", str(port))
    stdio = McpStdio(
        command=("python", "-m", package, *options),
        env=manifest.mcp_stdio.env if manifest.mcp_stdio else {},
    )
    return stdio_server(manifest.model_copy(update={"mcp_stdio": stdio}))


@contextmanager
def serving(manifest: Manifest, variables: Mapping[str, str] | None = None) -> Generator[Manifest]:
    """Serve a plugin over HTTP for a while, if it is one that would be served from here.

    `variables` are what tells its process of its host, as a `Provision` writes them.

    Yields the manifest with the address to use: that of the server started, on a free port, or the
    manifest as it is for a plugin that lives elsewhere. Raises `ConnectFailed`.
    """
    assert manifest.mcp_http is not None
    url = urlsplit(manifest.mcp_http.url)
    if url.hostname not in _LOOPBACK or own_package(manifest) is None:
        yield manifest
        return
    port = _free_port()
    server = http_server(manifest, "127.0.0.1", port)
    server.env.update(variables or {})
    with _logged(manifest.name) as log, _started(server, log) as process:
        _await(process, port, manifest.startup_timeout_sec, log)
        moved = url._replace(netloc=f"127.0.0.1:{port}").geturl()
        http = manifest.mcp_http.model_copy(update={"url": moved})
        yield manifest.model_copy(update={"mcp_http": http})


@contextmanager
def _logged(plugin: str) -> Generator[IO[bytes]]:
    """Take what a server writes to stderr, and hand it to the log of the plugin at the end."""
    with TemporaryFile() as log:
        try:
            yield log
        finally:
            log.seek(0)
            reader = LogReader(plugin)
            while data := log.read(_READ):
                reader.feed(data)
            reader.close()


@contextmanager
def _started(server: Server, log: IO[bytes]) -> Generator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        server.command,
        cwd=server.folder,
        env=server.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int, seconds: float, log: IO[bytes]) -> None:
    deadline = monotonic() + seconds
    while not _healthy(port):
        if process.poll() is not None:
            reason = f"its server ended with status {process.returncode}"
            raise ConnectFailed(f"{reason}{_last_words(log)}")
        if monotonic() > deadline:
            raise ConnectFailed(f"its server was not ready in {seconds:g} s{_last_words(log)}")
        sleep(_PAUSE)


def _healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _last_words(log: IO[bytes]) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LAST_WORDS))
    words = log.read().decode("utf-8", "replace").strip()
    return f"; its last words:\n{words}" if words else ""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
