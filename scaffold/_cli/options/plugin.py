"""The commands that run a plugin: `call`, `test`, `run`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scaffold._cli.options import Json, Runtime


class Served(StrEnum):
    """The runtimes that are processes of their own."""

    mcp_stdio = "mcp_stdio"
    mcp_http = "mcp_http"


class Suite(StrEnum):
    """The groups of checks that `scaffold test` runs."""

    contract = "contract"
    parity = "parity"
    hygiene = "hygiene"
    faults = "faults"


Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME",
        help="A variable that the manifest may use as a secret. Default: all PLUGIN_… ones.",
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the plugin.")]


def call(
    folder: Folder,
    hook: Annotated[str, typer.Argument(metavar="HOOK", help="The hook to call.")],
    *,
    input: Annotated[
        str | None,
        typer.Option(
            metavar="JSON|@FILE|-", help="The input. Default: a sample made from the schema."
        ),
    ] = None,
    runtime: Annotated[
        Runtime | None, typer.Option(help="The runtime to use. Default: the first one that works.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Call over every runtime; exit 1 if answers differ.")
    ] = False,
    repeat: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Call N times, and print how long the calls took."),
    ] = None,
    secrets: Secrets = None,
    json: Json = False,
) -> None:
    """Call one hook of a plugin and print its answer."""
    from scaffold._cli.commands.call import call

    status = call(
        folder,
        hook,
        input=input,
        runtime=runtime.value if runtime else None,
        compare=compare,
        repeat=repeat,
        secrets=secrets or (),
        as_json=json,
    )
    raise typer.Exit(status)


def run_suites(
    folder: Folder,
    suites: Annotated[
        list[Suite] | None, typer.Argument(metavar="SUITE", help="A suite to run. Default: all.")
    ] = None,
    *,
    secrets: Secrets = None,
    json: Json = False,
) -> None:
    """Test that a plugin obeys its contract, and starts and stops cleanly."""
    from scaffold._cli.commands.test import test

    names = [each.value for each in suites or ()]
    raise typer.Exit(test(folder, names, secrets=secrets or (), as_json=json))


def run(
    folder: Folder,
    runtime: Annotated[
        Served | None,
        typer.Option(help="The runtime to serve. Default: the first one in the manifest."),
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="H", help="The address to listen on, over HTTP.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="P", min=0, max=65535, help="The port to listen on, over HTTP."),
    ] = None,
) -> None:
    """Serve a plugin over MCP until it is interrupted."""
    from scaffold._cli.commands.run import run

    run(folder, runtime=runtime.value if runtime else None, host=host, port=port)
