"""The command line: the table of commands, and the exit of the process."""

import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated, Final, NoReturn

import typer

from scaffold._cli.options import hookspec, plugin, project
from scaffold._version import __version__

_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "new-plugin": project.new_plugin,
    "generate": project.generate,
    "update": project.update,
    "status": project.status,
    "call": plugin.call,
    "test": plugin.run_suites,
    "run": plugin.run,
    "inspect": hookspec.inspect,
    "lint": hookspec.lint,
    "explain": hookspec.explain,
    "diff": hookspec.diff,
    "breaking": hookspec.breaking,
    "check": project.check,
    "doctor": project.doctor,
}
"""The commands in the order of `scaffold --help`. They import their work when they are called."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Plugin contracts that hold in every process and every language.",
)
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)


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
