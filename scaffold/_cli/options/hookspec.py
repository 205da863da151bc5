"""The commands for hookspecs: show, find problems, compare."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scaffold._cli.options import Against, Json


class OutputFormat(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    github = "github"


State = Annotated[
    str, typer.Argument(metavar="OLD", help="A hookspec, a folder of them, or REV:PATH in git.")
]
NewState = Annotated[
    str | None, typer.Argument(metavar="NEW", help="The later state, in the same forms.")
]


def inspect(
    subject: Annotated[
        str, typer.Argument(metavar="KIND|DIR", help="A kind, a hookspec or a plugin's folder.")
    ],
    *,
    json: Json = False,
) -> None:
    """Show a kind as the generator sees it."""
    from scaffold._cli.commands.inspect import inspect

    raise typer.Exit(inspect(subject, as_json=json))


def lint(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A hookspec, or a folder of them.")],
    output_format: Annotated[
        OutputFormat, typer.Option(help="How to print what is found.")
    ] = OutputFormat.text,
    *,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="Apply safe fixes. They never change which values a schema accepts."
        ),
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe", help="Also apply fixes that change which values a schema accepts."
        ),
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; print what --fix would change.")
    ] = False,
) -> None:
    """Find problems in hookspecs, and fix them with --fix."""
    from scaffold._cli.commands.lint import lint

    status = lint(path, output_format=output_format.value, fix=fix, unsafe=unsafe, diff=diff)
    raise typer.Exit(status)


def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code of an error or a warning.")],
) -> None:
    """Explain an error code: its meaning, its cause and its fix."""
    from scaffold._cli.commands.explain import explain

    raise typer.Exit(explain(code))


def diff(
    old: State,
    new: NewState = None,
    *,
    against: Against = None,
    json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown for a pull request.")
    ] = False,
) -> None:
    """Show what changed between two states of hookspecs, and what it breaks."""
    from scaffold._cli.commands.diff import diff

    form = "json" if json else "markdown" if markdown else "text"
    raise typer.Exit(diff(old, new, against=against, output_format=form))


def breaking(
    old: State, new: NewState = None, *, against: Against = None, json: Json = False
) -> None:
    """Report changes that break more than the new version number says."""
    from scaffold._cli.commands.diff import breaking

    raise typer.Exit(breaking(old, new, against=against, as_json=json))
