"""What commands print: the only module that writes to standard output and standard error.

Everything is shown with control characters as escapes: most of it quotes files and plugins of
other people.
"""

import json
import os
import re
import sys
from collections.abc import Iterable
from typing import IO, Any, Final

from scaffold._printable import json_printable, printable

_COMMAND: Final = re.compile(r"^(\s*)(::|##\[)", re.MULTILINE)
"""What begins a workflow command of GitHub Actions, wherever a step prints it."""


def print_lines(lines: Iterable[str], *, commands: bool = False) -> None:
    """Print lines, with or without their ends, to standard output.

    Args:
        lines: Each may have several lines itself.
        commands: True if the lines are workflow commands of GitHub Actions, made here.
    """
    _write(sys.stdout, lines, commands=commands)


def print_json_text(text: str, stream: IO[str] | None = None) -> None:
    """Print JSON, whose strings may hold any character, to a stream or to standard output."""
    (stream or sys.stdout).write(f"{json_printable(text)}\n")


def print_pretty_json(value: Any) -> None:
    """Print a value as JSON of several lines to standard output."""
    print_json_text(json.dumps(value, indent=2, ensure_ascii=False))


def print_message(text: str) -> None:
    """Tell people something on standard error, without its end of line."""
    print_messages([text])


def print_messages(lines: Iterable[str]) -> None:
    """Tell people several things on standard error, a line each."""
    _write(sys.stderr, lines, commands=False)


def flush() -> None:
    """Have everything shown that was printed until now."""
    sys.stdout.flush()
    sys.stderr.flush()


def _write(stream: IO[str], lines: Iterable[str], *, commands: bool) -> None:
    quoting = not commands and os.environ.get("GITHUB_ACTIONS") == "true"
    for line in lines:
        text = printable(line.removesuffix("\n"))
        if quoting:
            text = _COMMAND.sub(_quoted, text)
        stream.write(f"{text}\n")


def _quoted(found: re.Match[str]) -> str:
    return rf"{found[1]}\x{ord(found[2][0]):02x}{found[2][1:]}"
