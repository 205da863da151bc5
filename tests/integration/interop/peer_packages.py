"""Software of others that tests talk to, from npm and PyPI, in a folder that outlives a run.

The folder is `SCAFFOLD_PEERS`, or one in the user's cache. What is there is not fetched again until
its line in the tables changes. Nothing but `npm` and `pip` is called, the first time only.
"""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import venv
from collections.abc import Callable
from functools import cache
from pathlib import Path

NODE = 22
"""The oldest Node on which all of the packages run."""
NODE_RELEASE = "24.21.0"
"""The Node that is fetched where the system's is older."""
PATIENCE = 300
"""Seconds that fetching may take."""

NPM = {
    "conformance-0.1.16": ("@modelcontextprotocol/conformance@0.1.16",),
    "conformance-0.2.0-alpha.12": ("@modelcontextprotocol/conformance@0.2.0-alpha.12",),
    "inspector": ("@modelcontextprotocol/inspector@2.12.0",),
    "schemas": (
        "@octokit/webhooks-schemas@7.6.1",
        "@octokit/webhooks-examples@7.6.1",
        "cloudevents@10.0.0",
    ),
    "servers": (
        "@modelcontextprotocol/server-everything@2026.8.31",
        "@modelcontextprotocol/server-filesystem@2026.8.31",
    ),
    "typescript_1": ("@modelcontextprotocol/sdk@1.32.2", "zod@4.6.7"),
    "typescript_2": (
        "@modelcontextprotocol/client@2.4.0",
        "@modelcontextprotocol/node@2.1.2",
        "@modelcontextprotocol/server@2.4.0",
        "zod@4.6.7",
    ),
}
"""What is fetched from npm together, by the name under which it is kept."""

PYPI = {
    "dagstack": ("dagstack-plugin-system==0.4.1", "httpx", "jsonschema-rs>=0.60,<0.61"),
    "fastmcp": ("fastmcp==4.1.2",),
    "python_1": ("mcp==1.30.0", "uvicorn"),
    "python_2": ("mcp==2.3.0", "uvicorn"),
    "schemas": (
        "cyclonedx-python-lib==11.12.0",
        "kubernetes-validate==1.37.0",
        "openapi-spec-validator==0.9.0",
    ),
    "servers": ("mcp-server-time==2026.10.19", "mcp-server-git==2026.10.19"),
}
"""What is fetched from PyPI together, each line into an environment of its own."""


@cache
def npm(name: str) -> Path:
    """Return the `node_modules` that has a line of `NPM`."""
    return _kept(f"npm-{name}", NPM[name], _install_npm) / "node_modules"


@cache
def pypi(name: str) -> Path:
    """Return the Python of the environment that has a line of `PYPI`."""
    return _kept(f"pypi-{name}", PYPI[name], _install_pypi) / "bin" / "python"


def python_packages(name: str) -> Path:
    """Return the `site-packages` that has a line of `PYPI`."""
    (found,) = pypi(name).parents[1].glob("lib/python*/site-packages")
    return found


@cache
def node() -> str:
    """Return a Node that is new enough: the system's, or one from npm."""
    found = shutil.which("node")
    if found is not None:
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
        if int(version.stdout.strip("v\n").partition(".")[0]) >= NODE:
            return found
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"node-{platform.system().lower()}-{machine}"
    folder = _kept("npm-node", (f"{package}@{NODE_RELEASE}",), _install_npm)
    return str(folder / "node_modules" / package / "bin" / "node")


def _folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SCAFFOLD_PEERS") or Path(home) / "scaffold-peers")


def _kept(
    name: str, packages: tuple[str, ...], install: Callable[[Path, tuple[str, ...]], None]
) -> Path:
    """Return a folder with the packages; of processes that want it at once, one installs it."""
    folder = _folder() / name
    stamp = folder / "installed.json"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or json.loads(stamp.read_text()) != list(packages):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            install(folder, packages)
            stamp.write_text(json.dumps(packages))
    return folder


def _install_npm(folder: Path, packages: tuple[str, ...]) -> None:
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *packages]
    subprocess.run(command, cwd=folder, check=True, timeout=PATIENCE)


def _install_pypi(folder: Path, packages: tuple[str, ...]) -> None:
    venv.create(folder, with_pip=True, symlinks=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages]
    subprocess.run(command, check=True, timeout=PATIENCE)
