"""Which runtime a plugin is reached by: the best one that its manifest offers."""

import os
from typing import Final

from scaffold.contract._errors.errors import RuntimeNotSupported
from scaffold.manifest._model import Manifest, Runtime

HAS_PIPES: Final = os.name == "posix"
"""The client of processes polls pipes, and gives each process a session of its own."""

PREFERENCE: Final[tuple[Runtime, ...]] = ("in_process", "mcp_stdio", "mcp_http")
"""The fastest first; a host takes the first one that a plugin offers."""


def choose_runtime(manifest: Manifest, wanted: str | None) -> Runtime:
    """Pick the runtime asked for, or the best one that the manifest offers and this host can use.

    Raises `RuntimeNotSupported`.
    """
    usable: list[Runtime] = [
        one for one in PREFERENCE if one in manifest.runtime and _usable(manifest, one)
    ]
    for runtime in usable:
        if wanted in {None, runtime}:
            return runtime
    offers = f"the manifest offers {', '.join(manifest.runtime)}"
    can = f"this host can use {', '.join(usable) or 'none of them'}"
    asked = f", and was asked for {wanted}" if wanted else ""
    raise RuntimeNotSupported(manifest.name, f"{offers}; {can}{asked}")


def _usable(manifest: Manifest, runtime: Runtime) -> bool:
    if runtime == "in_process":
        # An entry point that is a file is for a host in another language.
        return ":" in (manifest.entry_point or "")
    return runtime != "mcp_stdio" or HAS_PIPES
