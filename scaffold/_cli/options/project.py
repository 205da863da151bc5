"""The commands for projects: create, generate, update, check."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scaffold._cli.options import Against, Json, Runtime


class Language(StrEnum):
    """The languages that a plugin can be written in."""

    python = "python"


Hookspecs = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A folder of hookspecs of your own, or one YAML file."),
]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")
]
Diff = Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")]
ProjectFolder = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="A plugin project or a repository of hookspecs."),
]
PluginFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A plugin project.")]


def new_plugin(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The name of the plugin, for example my-plugin.")
    ],
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", metavar="KIND", help="The kind of plugin to create, for example tool."
        ),
    ] = None,
    hookspecs: Hookspecs = None,
    runtime: Annotated[
        list[Runtime] | None,
        typer.Option(
            help="A runtime to offer; may be repeated. Default: all that the kind allows."
        ),
    ] = None,
    lang: Annotated[Language, typer.Option(help="The language of the plugin.")] = Language.python,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing; use the default answers.")
    ] = False,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="K=V", help="An answer to a question of the template; may be repeated."
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="The folder in which to create the project."
        ),
    ] = Path(),
) -> None:
    """Create a plugin project that runs at once."""
    from scaffold._cli.commands.new_plugin import new_plugin

    status = new_plugin(
        name,
        kind=kind,
        hookspecs=hookspecs,
        runtimes=[each.value for each in runtime or ()],
        language=lang.value,
        defaults=defaults,
        data=data or [],
        output=output,
    )
    raise typer.Exit(status)


def generate(
    folder: ProjectFolder = Path(),
    *,
    check: Check = False,
    diff: Diff = False,
    stub: Annotated[
        bool, typer.Option("--stub", help="Add the methods that the plugin's class lacks.")
    ] = False,
    set_aside: Annotated[
        bool,
        typer.Option(
            "--set-aside", help="Rename hand-edited files to FILE.edited, then regenerate them."
        ),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Regenerate after every change, until interrupted.")
    ] = False,
) -> None:
    """Regenerate files that are out of date with their hookspecs."""
    from scaffold._cli.commands.generate import generate

    status = generate(folder, check=check, diff=diff, watch=watch, set_aside=set_aside, stub=stub)
    raise typer.Exit(status)


def update(
    folder: PluginFolder = Path(),
    *,
    check: Check = False,
    diff: Diff = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Undo the last update, if it is not committed.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="The version of the template. Default: the newest."),
    ] = None,
    template: Annotated[
        str | None, typer.Option(metavar="SRC", help="Another git repository of the template.")
    ] = None,
) -> None:
    """Merge a newer version of the template."""
    from scaffold._cli.commands.update import update

    status = update(folder, check=check, diff=diff, abort=abort, to=to, template=template)
    raise typer.Exit(status)


def status(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A project, or a folder of them.")
    ] = Path(),
    *,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look for projects in all folders below.")
    ] = False,
    hookspecs: Hookspecs = None,
    json: Json = False,
) -> None:
    """Show how far projects are behind: contract, template, generated files."""
    from scaffold._cli.commands.status import status

    raise typer.Exit(status(folder, recursive=recursive, hookspecs=hookspecs, as_json=json))


def check(folder: ProjectFolder = Path(), *, against: Against = None) -> None:
    """Check hookspecs, generated files and the manifest. Exits 1 on problems; for CI."""
    from scaffold._cli.commands.check import check

    raise typer.Exit(check(folder, against=against))


def doctor() -> None:
    """Show which versions are installed, and what is missing."""
    from scaffold._cli.commands.doctor import doctor

    raise typer.Exit(doctor())
