"""`scaffold run`: replace this process by the plugin's server."""

import os
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from scaffold._cli.reporting.output import flush
from scaffold._project.config.errors import PreconditionError, UsageError
from scaffold.client._process.launch import inherited_variables
from scaffold.contract._errors.errors import RuntimeNotSupported
from scaffold.host._runtimes.server_process import Server, http_server, own_package, stdio_server
from scaffold.manifest._model import Manifest, read_manifest
from scaffold.server._options import ENVIRONMENT_VARIABLES


def run(folder: Path, *, runtime: str | None, host: str | None, port: int | None) -> NoReturn:
    """Replace this process by the plugin's server: it gets the signals, and its status counts.

    Raises `RuntimeNotSupported`, `UsageError` or `PreconditionError` if that cannot be.
    """
    manifest = read_manifest(folder)
    picked = _pick(manifest, runtime, http=host is not None or port is not None)
    _become(stdio_server(manifest) if picked == "mcp_stdio" else _http(manifest, host, port))


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
    return http_server(manifest, "--host", host, "--port", str(port))


def _become(server: Server) -> NoReturn:
    flush()
    env = {**server.env, **inherited_variables(ENVIRONMENT_VARIABLES)}  # the operator's
    try:
        os.chdir(server.folder)
        os.execvpe(server.command[0], server.command, env)
    except OSError as error:
        message = f"cannot start '{server.command[0]}' in '{server.folder}': {error.strerror}"
        advice = "correct [plugin.mcp_stdio] in the manifest, or install the command"
        raise PreconditionError("command", message, advice) from error
