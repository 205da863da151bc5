"""npm packages for the tests that need them, in a folder that outlives a run."""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

NODE = 22
"""The oldest Node that the packages run on."""


def cache() -> Path:
    """Return the folder that keeps what was fetched: `SCAFFOLD_PEERS`, or one of the user's."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SCAFFOLD_PEERS") or Path(home) / "scaffold-peers")


def install(name: str, *packages: str) -> Path:
    """Return a folder whose `node_modules` has the packages; npm is called the first time only."""
    folder = cache() / name
    stamp = folder / "installed.json"
    if stamp.exists() and json.loads(stamp.read_text()) == list(packages):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *packages]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    stamp.write_text(json.dumps(list(packages)))
    return folder


def node() -> str:
    """Return a Node that is new enough: the system's, or one from npm."""
    found = shutil.which("node")
    if found is not None:
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
        if int(version.stdout.strip("v\n").partition(".")[0]) >= NODE:
            return found
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"node-{platform.system().lower()}-{machine}"
    folder = install("node", f"{package}@24")
    return str(folder / "node_modules" / package / "bin" / "node")
