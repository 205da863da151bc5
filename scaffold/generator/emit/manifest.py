"""The manifest of a plugin, `dagstack.toml`: what a host reads before it runs anything."""

import json
from collections.abc import Sequence

from scaffold.generator.emit.text import render
from scaffold.generator.ir import Kind

__all__ = ["RUNTIMES", "manifest"]

RUNTIMES = ("in_process", "mcp_stdio", "mcp_http")
"""Every runtime, the one that a host should prefer first."""


def manifest(
    kind: Kind,
    *,
    plugin: str,
    package: str,
    class_name: str,
    runtimes: Sequence[str] = RUNTIMES,
    description: str = "",
) -> str:
    """Write the manifest of a new plugin: its class stands in `<package>/plugin.py`."""
    chosen = [runtime for runtime in RUNTIMES if runtime in runtimes]
    return render(
        "manifest.toml.jinja",
        plugin=json.dumps(plugin),
        kind=json.dumps(kind.name),
        version=json.dumps(kind.version),
        description=json.dumps(description or f"A plugin of kind {kind.name}."),
        runtimes=json.dumps(chosen),
        entry_point=json.dumps(f"{package}.plugin:{class_name}"),
        command=json.dumps(["python", "-m", package]),
        stdio="mcp_stdio" in chosen,
        http="mcp_http" in chosen,
    )
