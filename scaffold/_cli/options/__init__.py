"""The commands as a person types them: names, arguments and options. Here: what groups share."""

from enum import StrEnum
from typing import Annotated

import typer


class Runtime(StrEnum):
    """Where a plugin runs."""

    in_process = "in_process"
    mcp_stdio = "mcp_stdio"
    mcp_http = "mcp_http"


Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Against = Annotated[
    str | None,
    typer.Option(metavar="REV", help="Compare with this git revision of the same path."),
]
