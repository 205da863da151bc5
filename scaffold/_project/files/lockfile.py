r"""`scaffold.lock`: which files of a project are whose, and what they held when they were written.

One line per file and no number that changes with every run, so that two branches merge. The digests
are of the text with `\n` at its line ends: a checkout that turns them into `\r\n` edits nothing.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from msgspec import convert

from scaffold._filesystem.project_tree import reason_to_refuse
from scaffold._project.config.access import read_text
from scaffold._project.config.errors import PreconditionError
from scaffold._version import __version__

LOCKFILE = "scaffold.lock"
_HEADER = (
    "# Written by scaffold: it tells your edits from its own. Commit it, and do not edit it.\n"
)
_HELP = "take either side of a merge, or delete it, and run 'scaffold generate'"


class Owner(StrEnum):
    """Who may change a file, and what becomes of the change."""

    GENERATED = "generated"
    """Scaffold alone: overwritten whenever the hookspec says something else."""
    TEMPLATE = "template"
    """Both: yours to edit, and a newer template is merged into it."""
    USER = "user"
    """You alone: written once, never touched again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, as scaffold last wrote it."""

    owner: Owner
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The content of a lockfile. An empty one stands for a project that has none yet."""

    generator: str = ""
    """The version of scaffold that wrote the files."""
    hookspecs: Mapping[str, str] = field(default_factory=dict[str, str])
    """The digest of every contract that files were generated from, by its source."""
    files: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    """Paths, relative to the project, with `/`."""

    def owned(self, owner: Owner) -> dict[str, Entry]:
        """Return the files of one owner."""
        return {path: entry for path, entry in self.files.items() if entry.owner is owner}

    def regenerated(self, files: Mapping[str, str], hookspecs: Mapping[str, str]) -> "Lock":
        """Return the lock of the project once its generated files are these texts, by path.

        `hookspecs` are the digests of the contracts that they are generated from.
        """
        kept = {
            path: each for path, each in self.files.items() if each.owner is not Owner.GENERATED
        }
        return Lock(__version__, hookspecs, kept | entries_of(files, Owner.GENERATED))

    def render(self) -> str:
        """Return the text of the lockfile."""
        lines = [_HEADER, f"generator = {_quote(self.generator)}\n", "[hookspecs]"]
        lines += [
            f"{_quote(key)} = {_quote(self.hookspecs[key])}" for key in sorted(self.hookspecs)
        ]
        lines += ["", "[files]"]
        lines += [
            f"{_quote(path)} = {{ owner = {_quote(entry.owner)}, sha256 = {_quote(entry.sha256)} }}"
            for path, entry in sorted(self.files.items())
        ]
        return "\n".join(lines) + "\n"


def entries_of(files: Mapping[str, str], owner: Owner) -> dict[str, Entry]:
    """Return what a lockfile says of files of one owner, whose texts are these."""
    return {path: Entry(owner, digest(text.encode())) for path, text in files.items()}


def digest(content: bytes) -> str:
    """Return the SHA-256 of a text, in hex, whatever its line endings are."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def read_lock(root: Path) -> Lock:
    """Read the lockfile of a project; raise `PreconditionError` if it is damaged."""
    try:
        lock = _parse(read_text(root, LOCKFILE))
    except FileNotFoundError:
        return Lock()
    except (ValueError, RecursionError) as error:
        message = f"'{LOCKFILE}' cannot be read: {error}"
        raise PreconditionError("lock-invalid", message, _HELP) from error
    for path in lock.files:
        if reason := reason_to_refuse(path):
            message = f"'{LOCKFILE}' lists '{path}', which {reason}"
            raise PreconditionError("lock-invalid", message, _HELP)
    return lock


def _parse(text: str) -> Lock:
    head, title, rest = text.partition(_FILES)
    files = _as_written(rest) if title else None
    if files is None:
        return convert(tomllib.loads(text), Lock)
    return replace(convert(tomllib.loads(head), Lock), files=files)


def _as_written(text: str) -> dict[str, Entry] | None:
    """Read the list of files as it is always written, ten times as fast; `None` if it is not."""
    files = {path: Entry(Owner(owner), sha256) for path, owner, sha256 in _LINE.findall(text)}
    return files if len(files) == text.count("\n") and text.endswith("\n") else None


_FILES = "\n[files]\n"
_LINE = re.compile(
    r'^"([^"\\\x00-\x1f\x7f]+)" = '
    rf'{{ owner = "({"|".join(Owner)})", sha256 = "([0-9a-f]{{64}})" }}$',
    re.MULTILINE,
)

_quote = json.JSONEncoder(ensure_ascii=False).encode
"""A JSON string is a TOML basic string, but for DEL, which no path of ours may hold."""
