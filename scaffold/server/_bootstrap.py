"""`python -m demo`, its first step: import what serves, as cheaply as that can be done."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scaffold.server._process.lean_imports import lean_imports

if TYPE_CHECKING:
    from scaffold.contract._hooks.plugin import Plugin

__all__ = ["serve"]


def serve(
    entry_point: "str | type[Plugin]",
    *,
    name: str | None = None,
    arguments: Sequence[str] | None = None,
) -> int:
    """Serve a plugin over MCP until its client leaves or the process is told to end.

    `entry_point` is `"module:Class"`, imported only when stdout is safe, or the class itself;
    `name` is the plugin's name, by default the top package of its module; `arguments` are those of
    the command line. Returns the exit status: 0 done, 2 usage, 4 the port cannot be had, 5 the
    plugin cannot be used.
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
