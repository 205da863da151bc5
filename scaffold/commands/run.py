"""`scaffold run`: become the plugin's server."""

import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from scaffold.commands.serving import Server, http_server, own_package, stdio_server
from scaffold.contract.errors import RuntimeNotSupported
from scaffold.host.manifest import Manifest, read_manifest
from scaffold.project.errors import PreconditionError, UsageError

__all__ = ["run"]


def run(folder: Path, *, runtime: str | None, host: str | None, port: int | None) -> int:
    """Replace this process by the plugin's server; it gets the signals, and its status counts."""
    manifest = read_manifest(folder)
    picked = _pick(manifest, runtime, http=host is not None or port is not None)
    if picked == "mcp_stdio":
        _become(stdio_server(manifest))
    _become(_http(manifest, host, port))
    return 0


def _pick(manifest: Manifest, wanted: str | None, *, http: bool) -> str:
    served = [runtime for runtime in manifest.runtime if runtime != "in_process"]
    if http and wanted == "mcp_stdio":
        raise UsageError("no-address", "a server over stdio has no address: drop --host and --port")
    wanted = "mcp_http" if http else wanted
    if wanted is None and served:
        return served[0]
    if wanted is None or wanted not in served:
        offers = ", ".join(manifest.runtime)
        what = f"be served over {wanted}" if wanted else "be served"
        raise RuntimeNotSupported(manifest.name, f"cannot {what}: its manifest offers {offers}")
    return wanted


def _http(manifest: Manifest, host: str | None, port: int | None) -> Server:
    assert manifest.mcp_http is not None
    if own_package(manifest) is None:
        message = f"'{manifest.folder}' has no package to serve; '{manifest.name}' runs elsewhere"
        raise PreconditionError(
            "nothing-to-serve", message, "start it there, and 'scaffold call' it"
        )
    url = urlsplit(manifest.mcp_http.url)
    host = host or url.hostname or "127.0.0.1"
    port = (url.port or 80) if port is None else port
    _check_free(host, port)
    return http_server(manifest, host, port)


def _check_free(host: str, port: int) -> None:
    """Look before the leap: once this process is the server, the message is the server's own."""
    try:
        family = socket.getaddrinfo(host, port)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        message = f"cannot listen on port {port} of '{host}': {error.strerror}"
        raise PreconditionError(
            "address", message, "choose another with --port or --host"
        ) from error


def _become(server: Server) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.chdir(server.folder)
        os.execvpe(server.command[0], server.command, server.env)
    except OSError as error:
        message = f"cannot start '{server.command[0]}' in '{server.folder}': {error.strerror}"
        mend = "mend [plugin.mcp_stdio] in the manifest, or install the command"
        raise PreconditionError("command", message, mend) from error
