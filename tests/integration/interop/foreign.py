"""Programs on the libraries of others: where each one runs, and how it is asked.

A client's program takes one argument in JSON: a `command` with its `cwd`, or a `url`; the `era` to
speak; the `tool` to call and its `arguments`. It prints the `tools` it was told of and the
`structured` content of the answer, in JSON. A server's program takes `stdio` or `http`; over HTTP
it prints its URL.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peer_packages import node, npm, pypi

MODERN = "2026-07-28"
PATIENCE = 60
"""Seconds after which a program has failed."""

ANNOUNCED = re.compile(r"(?:http://127\.0\.0\.1:|listening on port )(\d+)[/\s]")
"""What servers print when they listen."""

DRIVERS = Path(__file__).with_name("drivers")
TYPESCRIPT = {"typescript_1", "typescript_2"}


def program(library: str, role: str, folder: Path) -> list[str]:
    """Return the command of the `client` or the `server` on a library.

    JavaScript looks for packages beside the file that imports them, so that file goes to `folder`.
    """
    if library not in TYPESCRIPT:
        return [str(pypi(library)), str(DRIVERS / f"{library}_{role}.py")]
    place = folder / library
    if not place.exists():
        place.mkdir()
        (place / "node_modules").symlink_to(npm(library))
    script = shutil.copy(DRIVERS / f"{library}_{role}.mjs", place)
    return [node(), str(script)]


def ask(library: str, folder: Path, task: dict[str, Any]) -> Any:
    """Let the client on a library do a task, and return what it has printed."""
    command = [*program(library, "client", folder), json.dumps(task)]
    return json.loads(run(command, folder))


def inspect(folder: Path, task: dict[str, Any]) -> Any:
    """Let the Inspector's command line do a task; return what a client's program would print."""
    script = npm("inspector") / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    era = "legacy" if task["era"] == "initialize" else "modern"
    server = [task["url"]] if "url" in task else [*task["command"], "--cwd", task["cwd"]]
    command = [node(), str(script), "--cli", *server, "--protocol-era", era, "--method"]
    listed = json.loads(run([*command, "tools/list"], folder))
    arguments = ["--tool-name", task["tool"], "--tool-args-json", json.dumps(task["arguments"])]
    answer = json.loads(run([*command, "tools/call", *arguments], folder))
    return {"tools": listed["tools"], "structured": answer["structuredContent"]}


def run(command: list[str], home: Path) -> str:
    """Return what a program prints; what it keeps for itself goes to `home`."""
    done = subprocess.run(
        command,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(command: list[str], folder: Path, **environment: str) -> Iterator[int]:
    """Run a server over HTTP in a folder; yield the port that it says it listens on."""
    log = folder / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield _port(process, log)
        finally:
            process.kill()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + PATIENCE
    while (found := ANNOUNCED.search(log.read_text())) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.01)
    return int(found[1])
