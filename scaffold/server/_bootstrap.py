"""`serve`, the first step of a server process: import the server with little time and memory."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scaffold.server._process.lean_imports import lean_imports

if TYPE_CHECKING:
    from scaffold.contract._hooks.plugin import Plugin


def serve(
    entry_point: "str | type[Plugin]",
    *,
    name: str | None = None,
    arguments: Sequence[str] | None = None,
) -> int:
    """Serve a plugin over MCP until the client disconnects or a signal ends the process.

    Args:
        entry_point: `"module:Class"`, or the class itself. The module is imported after the pipes
            have left descriptors 0 and 1, so nothing that it prints can damage the protocol.
        name: The name of the plugin; by default the top package of its module.
        arguments: The command line; by default that of the process.

    Returns:
        The exit status: 0 success, 2 wrong usage, 4 cannot listen on the port, 5 the plugin cannot
        be imported, created or set up.

    Example:
        `sys.exit(serve("demo.plugin:DemoPlugin", name="demo"))`
    """
    with lean_imports():
        from scaffold.server._process.private_settings import take_private_variables

        take_private_variables()
        from scaffold.server._run import run_server
    return run_server(
        entry_point, name or _package(entry_point), sys.argv[1:] if arguments is None else arguments
    )


def _package(entry_point: "str | type[Plugin]") -> str:
    module = entry_point if isinstance(entry_point, str) else entry_point.__module__
    return module.partition(":")[0].partition(".")[0]
