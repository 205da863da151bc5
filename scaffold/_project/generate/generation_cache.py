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

from scaffold._filesystem.folder import Folder
from scaffold._filesystem.project_tree import ProjectTree
from scaffold._filesystem.user_folders import cache_home, open_private, read_private
from scaffold._project.config.settings import Settings

_BYTES = 64 * 1024 * 1024
"""How much is kept; the oldest goes first."""
_SUFFIXES = (".json", ".yaml", ".yml")
_SOURCES = ("contract", "generator", "_project")
"""The packages whose code decides what is generated."""


@dataclass(frozen=True, slots=True)
class GeneratedFiles:
    """Files by path, relative to the project, and the digests of the hookspecs they are from."""

    files: dict[str, str]
    hookspecs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache as a command may use it. Failures to use it are not reported: it only saves time.

    It is not used in continuous integration: there a cache may be filled by other people's changes,
    and what is in it decides what is generated.
    """

    reads: bool
    writes: bool

    def key_of(self, path: Path, settings: Settings, root: Path) -> str:
        """Return a digest of everything that generated files depend on; empty without a cache.

        `path` is a folder of hookspecs, or one file: a kind reads nothing outside of its folder.
        """
        if not (self.reads or self.writes):
            return ""
        folder = path if path.is_dir() else path.parent
        facts = {
            "settings": to_builtins(settings),
            "folder": Path(os.path.realpath(folder)).name,
            "file": "" if path == folder else path.name,
            "inputs": dict(sorted(_inputs(folder, root))),
            "python": sys.version_info[:2],
            "generator": _generator(),
        }
        return sha256(json.dumps(facts).encode()).hexdigest()

    def recall(self, key: str) -> GeneratedFiles | None:
        """Return what was generated under a key, if it is still known."""
        if not self.reads or _in_integration():
            return None
        with suppress(OSError, ValueError, RuntimeError), open_private(cache_home()) as folder:
            return decode(read_private(folder, key, _BYTES), type=GeneratedFiles)
        return None

    def keep(self, results: Mapping[str, GeneratedFiles]) -> None:
        """Keep what was generated, by key."""
        if not self.writes or not results or _in_integration():
            return
        with suppress(OSError, RuntimeError), open_private(cache_home(), make=True) as folder:
            for key, wanted in results.items():
                draft = f"{key}.{os.getpid()}"
                folder.create(draft, json.dumps(asdict(wanted)).encode(), 0o600)
                folder.move(draft, folder, key)
            _forget_the_oldest(folder)


NO_CACHE = Cache(reads=False, writes=False)
"""For `check`, which has to find out by itself."""
READ_CACHE = Cache(reads=True, writes=False)
"""For commands that write nothing."""
FULL_CACHE = Cache(reads=True, writes=True)
"""For commands that write the project as well."""


def _in_integration() -> bool:
    return bool(os.environ.get("CI"))


def _forget_the_oldest(folder: Folder) -> None:
    room = _BYTES
    states = [(name, state) for name in folder.names() if (state := folder.state(name))]
    for name, state in sorted(states, key=lambda pair: pair[1].st_mtime, reverse=True):
        room -= state.st_size
        if room < 0:
            with suppress(FileNotFoundError):
                folder.unlink(name)


def _inputs(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Yield the files that hookspecs may be made of, by their names within their folder.

    With each comes the digest of its content, or why it cannot be read: a hookspec that needs it is
    refused.
    """
    top = str(folder)
    inside = folder.relative_to(root).as_posix()
    with ProjectTree(root) as tree:
        for parent, _, names in os.walk(folder):
            within = parent.removeprefix(top).replace(os.sep, "/")
            for name in names:
                if name.endswith(_SUFFIXES):
                    yield f"{within}/{name}", _read(tree, f"{inside}{within}/{name}")


def _read(tree: ProjectTree, path: str) -> str:
    try:
        return sha256(tree.read(path)).hexdigest()
    except OSError as error:
        return str(error.strerror)


def _sources() -> Iterable[Path]:
    package = Path(__file__).parents[2]
    for name in _SOURCES:
        for path in sorted((package / name).rglob("*.*")):
            if path.suffix != ".pyc":
                yield path


@cache
def _generator() -> str:
    return _digest(_sources())


def _digest(paths: Iterable[Path]) -> str:
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
