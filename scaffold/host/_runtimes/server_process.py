"""A plugin's own server: how it is started, and how it is used for a while."""

import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from scaffold.client._process.launch import inherited_variables
from scaffold.host._runtimes.connection_settings import resolve_command
from scaffold.host._runtimes.http_server import LOCALHOST, Server, running
from scaffold.host._runtimes.safe_path import module_path_variables
from scaffold.manifest._model import Manifest, McpStdio
from scaffold.resources._context_data import PROOF_VARIABLE

__all__ = ["Server", "http_server", "own_package", "serving", "stdio_server"]

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
