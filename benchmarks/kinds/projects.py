"""Plugin projects as `scaffold new-plugin` creates them, one for each shipped kind.

Each has bindings of its own, and the plugin class that its author starts with: it answers with a
sample. Nothing in them is prepared for the benchmark.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.kinds.calls import CALLS
from benchmarks.wire.processes import listening

__all__ = ["create_projects", "plugin_folder", "serving"]

_URL_IN_MANIFEST: Final = re.compile(r"http://127\.0\.0\.1:\d+/mcp")


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
            command = [sys.executable, "-m", folder.name, "--http", "--port", "0"]
            url = servers.enter_context(listening(command, folder))
            manifest = folder / "dagstack.toml"
            manifest.write_text(_URL_IN_MANIFEST.sub(url, manifest.read_text()))
        yield
