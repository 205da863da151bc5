"""What was generated before: the same input gives the same files, so that nothing need be done.

Kept in the cache folder of the person, not in the project: it may be deleted at any time, and a
fresh machine, as that of continuous integration, works everything out. The key covers all that
counts: every file of the hookspecs, the settings, and the generator down to its source.
"""

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from msgspec import to_builtins

from scaffold.project.settings import Settings

__all__ = ["Generated", "keep", "key_of", "recall"]

_ENTRIES = 32
"""How many results are kept; the oldest go first."""
_INPUTS = {".json", ".yaml", ".yml"}
_SOURCES = ("contract", "generator", "project")
"""The packages whose code decides what is generated."""


@dataclass(frozen=True, slots=True)
class Generated:
    """Files by path, relative to the project, and the digests of the hookspecs they are from."""

    files: dict[str, str]
    hookspecs: dict[str, str]


def key_of(root: Path, settings: Settings) -> str:
    """Return a digest of everything that a project's generated files depend on."""
    base = root / settings.hookspecs
    folder = base if base.is_dir() else base.parent
    inputs = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*") if _is_input(path)
    }
    facts = {
        "settings": to_builtins(settings),
        "folder": folder.resolve().name,
        "inputs": {name: _digest([path]) for name, path in sorted(inputs.items())},
        "python": sys.version_info[:2],
        "generator": _digest(_sources()),
    }
    return sha256(json.dumps(facts).encode()).hexdigest()


def recall(key: str) -> Generated | None:
    """Return what was generated under a key, if it is still known."""
    try:
        known = json.loads(_entry(key).read_bytes())
        return Generated(known["files"], known["hookspecs"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return None


def keep(key: str, wanted: Generated) -> None:
    """Keep what was generated; that it cannot be kept matters to nobody."""
    with suppress(OSError, RuntimeError):
        entry = _entry(key)
        entry.parent.mkdir(parents=True, exist_ok=True)
        draft = entry.with_name(f"{key}.{os.getpid()}")
        draft.write_text(json.dumps(asdict(wanted)), "utf-8")
        draft.replace(entry)
        known = sorted(entry.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in known[:-_ENTRIES]:
            old.unlink(missing_ok=True)


def _entry(key: str) -> Path:
    given = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(given or Path.home() / ".cache") / "hookspec-scaffold" / key


def _is_input(path: Path) -> bool:
    return path.suffix in _INPUTS and path.is_file()


def _sources() -> Iterable[Path]:
    package = Path(__file__).parents[1]
    for name in _SOURCES:
        for path in sorted((package / name).rglob("*.*")):
            if path.suffix != ".pyc":
                yield path


def _digest(paths: Iterable[Path]) -> str:
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
