"""What was generated before: the same input gives the same files, so that nothing need be done.

Kept in the cache folder of the person, not in the project: it may be deleted at any time, and a
fresh machine, as that of continuous integration, works everything out. The key covers all that
counts: every file of the hookspecs, the settings, and the generator down to its source. A project
is kept as a whole and, if it has several kinds, kind by kind: a change of one leaves the others.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from msgspec import to_builtins
from msgspec.json import decode

from scaffold.project.settings import Settings

__all__ = ["Generated", "keep", "key_of", "recall"]

_BYTES = 64 * 1024 * 1024
"""How much is kept; the oldest goes first."""
_SUFFIXES = (".json", ".yaml", ".yml")
_SOURCES = ("contract", "generator", "project")
"""The packages whose code decides what is generated."""


@dataclass(frozen=True, slots=True)
class Generated:
    """Files by path, relative to the project, and the digests of the hookspecs they are from."""

    files: dict[str, str]
    hookspecs: dict[str, str]


def key_of(path: Path, settings: Settings) -> str:
    """Return a digest of everything that generated files depend on.

    `path` is a folder of hookspecs, or one file: a kind reads nothing outside of its folder.
    """
    folder = path if path.is_dir() else path.parent
    facts = {
        "settings": to_builtins(settings),
        "folder": folder.resolve().name,
        "file": "" if path == folder else path.name,
        "inputs": {name: _digest([path]) for name, path in sorted(_inputs(folder))},
        "python": sys.version_info[:2],
        "generator": _generator(),
    }
    return sha256(json.dumps(facts).encode()).hexdigest()


def recall(key: str) -> Generated | None:
    """Return what was generated under a key, if it is still known."""
    try:
        return decode(_entry(key).read_bytes(), type=Generated)
    except (OSError, ValueError, RuntimeError):
        return None


def keep(results: Mapping[str, Generated]) -> None:
    """Keep what was generated, by key; that it cannot be kept matters to nobody."""
    with suppress(OSError, RuntimeError):
        _folder().mkdir(parents=True, exist_ok=True)
        for key, wanted in results.items():
            draft = _entry(f"{key}.{os.getpid()}")
            draft.write_text(json.dumps(asdict(wanted)), "utf-8")
            draft.replace(_entry(key))
        _forget_the_oldest()


def _forget_the_oldest() -> None:
    room = _BYTES
    states = [(each, each.stat()) for each in _folder().iterdir()]
    for entry, state in sorted(states, key=lambda pair: pair[1].st_mtime, reverse=True):
        room -= state.st_size
        if room < 0:
            entry.unlink(missing_ok=True)


def _entry(key: str) -> Path:
    return _folder() / key


def _folder() -> Path:
    given = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(given or Path.home() / ".cache") / "hookspec-scaffold"


def _inputs(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a folder that hookspecs may be made of, by their names within it."""
    for parent, _, names in os.walk(folder):
        base = Path(parent)
        prefix = base.relative_to(folder).as_posix()
        for name in names:
            if name.endswith(_SUFFIXES) and (base / name).is_file():
                yield f"{prefix}/{name}", base / name


def _sources() -> Iterable[Path]:
    package = Path(__file__).parents[1]
    for name in _SOURCES:
        for path in sorted((package / name).rglob("*.*")):
            if path.suffix != ".pyc":
                yield path


@cache
def _generator() -> str:
    return _digest(_sources())


def _digest(paths: Iterable[Path]) -> str:
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
