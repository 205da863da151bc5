"""Plugin projects as `scaffold new-plugin` creates them, one for each shipped kind.

Each has bindings of its own, and the plugin class that its author starts with: it answers with a
sample. Nothing in them is prepared for the benchmark.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.kinds.calls import CALLS

__all__ = ["create_projects", "plugin_folder", "serving"]

_URL: Final = re.compile(rb"\S*http://127\.0\.0\.1:(\d+)/mcp")
_PORT_IN_MANIFEST: Final = re.compile(r"127\.0\.0\.1:\d+")


def plugin_folder(root: Path, kind: str) -> Path:
    """Return the folder of the project of a kind."""
    return root / f"my_{kind}"


def create_projects(root: Path) -> None:
    """Create a project for each kind below `root`."""
    for kind in dict.fromkeys(call.kind for call in CALLS):
        name = plugin_folder(root, kind).name
        command = ["new-plugin", name, "--kind", kind, "--defaults", "-o", str(root)]
        subprocess.run(
            [sys.executable, "-m", "scaffold", *command], check=True, capture_output=True
        )


@contextmanager
def serving(root: Path, kinds: Sequence[str]) -> Iterator[None]:
    """Run the HTTP servers of some kinds; their manifests get the ports that the servers found."""
    with ExitStack() as servers:
        for kind in kinds:
            folder = plugin_folder(root, kind)
            port = servers.enter_context(_serving(folder))
            manifest = folder / "dagstack.toml"
            text = manifest.read_text()
            manifest.write_text(_PORT_IN_MANIFEST.sub(f"127.0.0.1:{port}", text))
        yield


@contextmanager
def _serving(folder: Path) -> Iterator[int]:
    command = [sys.executable, "-m", folder.name, "--http", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as server:
        assert server.stderr is not None
        try:
            for line in server.stderr:
                url = _URL.search(line)
                if url is not None:
                    break
            else:
                raise RuntimeError(f"the server of {folder.name} ended before it listened")
            threading.Thread(target=server.stderr.read, daemon=True).start()
            yield int(url[1])
        finally:
            server.terminate()
            server.wait()
