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

_IGNORED: Final = (
    r"[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u3164\ufe00-\ufe0f\uffa0"
    r"\ufff0-\ufffb\U000e0100-\U000e0fff]*"
)
"""Characters that a comparison of texts by the rules of a language ignores (Unicode's
Default_Ignorable_Code_Point). Those that are printed as escapes in any case are left out."""
_OLD_COMMAND: Final = rf"#{_IGNORED}#{_IGNORED}\["
_COMMAND: Final = re.compile(
    rf"(?:^(?:[^\S\n]|{_IGNORED[:-1]})*:(?={_IGNORED}:))|{_OLD_COMMAND}", re.MULTILINE
)
"""What GitHub Actions takes for a workflow command: `::` at the beginning of a line, and the older
`##[` anywhere in it. Source: `ActionCommand.cs` of the runner, which compares by language."""
_COMMAND_IN_JSON: Final = re.compile(_OLD_COMMAND)


def print_lines(lines: Iterable[str], *, commands: bool = False) -> None:
    """Print lines, with or without their ends, to standard output.

    Args:
        lines: Each may have several lines itself.
        commands: True if the lines are workflow commands of GitHub Actions, made here.
    """
    _write(sys.stdout, lines, commands=commands)


def print_json_text(text: str, stream: IO[str] | None = None) -> None:
    """Print JSON, whose strings may hold any character, to a stream or to standard output."""
    text = json_printable(text)
    if _in_github_actions():
        # A number sign is in JSON's strings only, and has an escape there.
        text = _COMMAND_IN_JSON.sub(lambda found: rf"\u0023{found[0][1:]}", text)
    (stream or sys.stdout).write(f"{text}\n")


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
    quoting = not commands and _in_github_actions()
    for line in lines:
        text = printable(line.removesuffix("\n"))
        if quoting:
            text = _COMMAND.sub(_quoted, text)
        stream.write(f"{text}\n")


def _in_github_actions() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _quoted(found: re.Match[str]) -> str:
    """Escape the first character of a command."""
    before, sign, rest = re.split("([:#])", found[0], maxsplit=1)
    return rf"{before}\x{ord(sign):02x}{rest}"
