"""Which sources of templates a person lets this program fetch without naming them again.

A project names the template that it was made from, and a project may be a stranger's. What it names
is fetched only if the person has named it before, with `--template`, or has written it into the
file that this module reads: one source a line, `#` for remarks; a line that ends in `/` means all
that begins with it.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from scaffold._filesystem.reading import read_small_file

_LARGEST: Final = 2**20


def permissions_file() -> Path:
    """Return the file: `hookspec-scaffold/templates` in the person's folder of settings."""
    given = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA") or ""
    folder = Path(given) if Path(given).is_absolute() else Path.home() / ".config"
    return folder / "hookspec-scaffold" / "templates"


def is_allowed(source: str) -> bool:
    """Tell whether a source may be fetched without being named."""
    return any(_covers(line, source) for line in _lines())


def allow(source: str) -> None:
    """Remember that the person has named a source; that it cannot be kept harms nothing."""
    if is_allowed(source):
        return
    path = permissions_file()
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = path.read_text("utf-8") if path.exists() else ""
        end = "" if before.endswith("\n") or not before else "\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{end}{source}\n")


def _covers(line: str, source: str) -> bool:
    if line.endswith("/"):
        # Servers decode addresses before they look for '..', and some take '\\' for '/'.
        rest = unquote(unquote(source.removeprefix(line)))
        return source.startswith(line) and ".." not in re.split(r"[/\\]", rest)
    return source == line


def _lines() -> list[str]:
    with suppress(OSError, ValueError):
        lines = read_small_file(permissions_file(), limit=_LARGEST).decode().splitlines()
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return []
