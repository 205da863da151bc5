"""The manifest of a plugin, `dagstack.toml`: what a host reads before it runs anything."""

import json
from collections.abc import Sequence

from scaffold.generator.ir import Kind

RUNTIMES = ("in_process", "mcp_stdio", "mcp_http")
"""Every runtime, the one that a host should prefer first."""

INHERITED = [
    *("PATH", "PYTHONPATH", "VIRTUAL_ENV", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "TZ"),
    "SSL_CERT_FILE",
]
"""Variables of a host that a new plugin's process gets: none of them is a secret."""


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
    # A JSON string, or a list of them, is TOML too.
    parts = [
        f"""\
[plugin]
schema_version = "1"
name = {json.dumps(plugin)}
kind = {json.dumps(kind.name)}
kind_api_version = {json.dumps(kind.version)}
version = "0.1.0"
description = {json.dumps(description or f"A plugin of kind {kind.name}.")}
runtime = {json.dumps(chosen)}
entry_point = {json.dumps(f"{package}.plugin:{class_name}")}
"""
    ]
    if "mcp_stdio" in chosen:
        parts.append(f"""\
[plugin.mcp_stdio]
command = {json.dumps(["python", "-m", package])}
# The host's own variables that the process gets; add what it needs, such as proxies or settings.
env_inherit = {json.dumps(INHERITED)}
""")
    if "mcp_http" in chosen:
        parts.append("""\
[plugin.mcp_http]
url = "http://127.0.0.1:8080/mcp"
""")
    return "\n".join(parts)
