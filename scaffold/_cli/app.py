"""The command line: the options of each command. Their work is in `commands`, imported late."""

import signal
import sys
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from scaffold._version import __version__

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Plugin contracts that hold in every process and every language.",
)


class Runtime(StrEnum):
    """Where a plugin runs."""

    in_process = "in_process"
    mcp_stdio = "mcp_stdio"
    mcp_http = "mcp_http"


class Served(StrEnum):
    """The runtimes that are processes of their own."""

    mcp_stdio = "mcp_stdio"
    mcp_http = "mcp_http"


class Language(StrEnum):
    """The languages that a plugin can be written in."""

    python = "python"


class Suite(StrEnum):
    """The groups of checks that `scaffold test` runs."""

    contract = "contract"
    parity = "parity"
    hygiene = "hygiene"
    faults = "faults"


class OutputFormat(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    github = "github"


Hookspecs = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A folder of hookspecs of your own, or one YAML file."),
]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")
]
Diff = Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="NAME",
        help="A variable that the manifest may use as a secret. Default: all PLUGIN_… ones.",
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the plugin.")]
ProjectFolder = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="A plugin project or a repository of hookspecs."),
]
PluginFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A plugin project.")]

State = Annotated[
    str, typer.Argument(metavar="OLD", help="A hookspec, a folder of them, or REV:PATH in git.")
]
NewState = Annotated[
    str | None, typer.Argument(metavar="NEW", help="The later state, in the same forms.")
]
Against = Annotated[
    str | None,
    typer.Option(metavar="REV", help="Compare with this git revision of the same path."),
]


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command("test")
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code of an error or a warning.")],
) -> None:
    """Explain an error code: its meaning, its cause and its fix."""
    from scaffold._cli.commands.explain import explain

    raise typer.Exit(explain(code))


@app.command()
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


@app.command()
def breaking(
    old: State, new: NewState = None, *, against: Against = None, json: Json = False
) -> None:
    """Report changes that break more than the new version number says."""
    from scaffold._cli.commands.diff import breaking

    raise typer.Exit(breaking(old, new, against=against, as_json=json))


@app.command()
def check(folder: ProjectFolder = Path(), *, against: Against = None) -> None:
    """Check hookspecs, generated files and the manifest. Exits 1 on problems; for CI."""
    from scaffold._cli.commands.check import check

    raise typer.Exit(check(folder, against=against))


@app.command()
def doctor() -> None:
    """Show which versions are installed, and what is missing."""
    from scaffold._cli.commands.doctor import doctor

    raise typer.Exit(doctor())


@app.callback(invoke_without_command=True)
def _root(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"scaffold {__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line and exit; no exception gets past it."""
    # SIGTERM becomes an exception, so that the processes of this command are ended too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with ExitStack() as stack:
        stack.push(_exit)
        app(prog_name="scaffold")
    raise SystemExit


def _exit(_kind: object, error: BaseException | None, _trace: object) -> None:
    if isinstance(error, Exception):
        from scaffold._cli.reporting.exit_status import report_error

        raise SystemExit(report_error(error))
