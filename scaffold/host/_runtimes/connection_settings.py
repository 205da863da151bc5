"""What a manifest says of a plugin elsewhere, in the form of the clients' parameters."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scaffold.contract._errors.errors import PluginError
from scaffold.manifest._model import Manifest
from scaffold.manifest._secrets import Secrets, check_way

_SAFE: Final = "PYTHONSAFEPATH"
_PATH: Final = "PYTHONPATH"
_WITH_MODULE: Final = 3
"""Words of the least command that names a module: `python -m MODULE`."""


def module_path_variables(
    command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables with which `python -m` finds the modules in a plugin's folder.

    `PYTHONSAFEPATH` takes the current folder off the path, of which the host knows that it is the
    plugin's own. So this folder is put on the path by name, and nothing else changes.

    Args:
        command: How the process is started.
        folder: Where it runs.
        env: The variables that it inherits, and those of its manifest.
    """
    is_module = len(command) >= _WITH_MODULE and command[1] == "-m"
    if not (is_module and env.get(_SAFE)):
        return {}
    before = env.get(_PATH)
    return {_PATH: os.pathsep.join([str(folder.absolute()), *([before] if before else [])])}


def resolve_command(manifest: Manifest) -> list[str]:
    """Return the command that starts the plugin.

    `python` and `python3` stand for the interpreter of the plugin's own `.venv`, or of the host if
    it has none. A path is relative to the manifest's folder; a plain name is looked for in `PATH`.
    """
    assert manifest.mcp_stdio is not None
    program, *arguments = manifest.mcp_stdio.command
    if program in {"python", "python3"}:
        program = _python(manifest.folder)
    elif "/" in program or os.sep in program:
        program = str(manifest.folder / program)
    return [program, *arguments]


def _python(folder: Path) -> str:
    scripts = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    own = folder / ".venv" / scripts
    return str(own) if own.exists() else sys.executable


def process_settings(manifest: Manifest) -> dict[str, Any]:
    """Return how a client of `mcp_stdio` runs the command, as its keyword arguments."""
    from scaffold.client._process.launch import inherited_variables

    assert manifest.mcp_stdio is not None
    stdio = manifest.mcp_stdio
    folder = manifest.folder / stdio.working_dir
    environment = {**inherited_variables(stdio.env_inherit), **stdio.env}
    inherit = {} if stdio.env_inherit is None else {"env_inherit": stdio.env_inherit}
    return {
        **inherit,
        "plugin": manifest.name,
        "cwd": folder,
        "env": {**stdio.env, **module_path_variables(stdio.command, folder, environment)},
        "startup_timeout": stdio.startup_timeout_sec or manifest.startup_timeout_sec,
        "timeout": stdio.timeout_sec,
    }


def http_settings(manifest: Manifest, secrets: Secrets | None = None) -> tuple[str, dict[str, Any]]:
    """Return the URL of the plugin and how a client of `mcp_http` uses it, as keyword arguments.

    Args:
        manifest: What the plugin says of itself.
        secrets: What it may be lent. Without it the caller trusts the manifest: any variable that
            it names is taken, and goes to any address.

    Raises `PluginError` if the secret that it needs is not lent, not set, or would go over plain
    HTTP to another machine.
    """
    assert manifest.mcp_http is not None
    http = manifest.mcp_http
    bundle = http.tls_ca_bundle
    return http.url, {
        "plugin": manifest.name,
        "headers": _headers(manifest, secrets),
        "timeout": http.timeout_sec,
        "tls_ca_bundle": manifest.folder / bundle if bundle else None,
        "tls_verify": http.tls_verify,
    }


def _headers(manifest: Manifest, secrets: Secrets | None) -> dict[str, str]:
    assert manifest.mcp_http is not None
    http = manifest.mcp_http
    if secrets is not None and (http.auth_secret_env is not None or http.auth):
        check_way(manifest.name, http.url)
    if http.auth_secret_env is None:
        return _dagstack_headers(manifest, http.auth)
    trusted = Secrets([http.auth_secret_env])
    secret = (secrets or trusted).find(manifest.name, http.auth_secret_env)
    return _header(manifest, http.auth_header, secret)


def _dagstack_headers(manifest: Manifest, auth: Mapping[str, Any]) -> dict[str, str]:
    if not auth:
        return {}
    if not isinstance(token := auth.get("token"), str):
        raise PluginError(manifest.name, "'auth' has no 'token'; name a variable: auth_secret_env")
    return _header(manifest, "Authorization", token)


def _header(manifest: Manifest, name: str, secret: str) -> dict[str, str]:
    if not (secret.isascii() and secret.isprintable()):
        raise PluginError(manifest.name, f"the secret for '{name}' has characters no header takes")
    return {name: f"Bearer {secret}" if name.lower() == "authorization" else secret}
