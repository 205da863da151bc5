"""Trees of files in memory: what a template makes, and what git keeps at a revision.

Paths are relative, with `/`. A tree from elsewhere may hold paths that no file system should be
given: `scaffold._filesystem.project_tree` says which.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias


class Mode(StrEnum):
    """What an entry of a tree is, as git writes it."""

    FILE = "100644"
    EXECUTABLE = "100755"
    LINK = "120000"
    SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class File:
    """One entry of a tree."""

    content: bytes
    """Of a link: where it leads."""
    mode: Mode = Mode.FILE


Files: TypeAlias = Mapping[str, File]

_STEPS: Final = 40
"""How many links are followed on one way, as in the kernel."""


def resolve_links(links: Mapping[str, str], path: str) -> str | None:
    """Return where a path leads in a tree with links, or None if that is not inside the tree.

    Args:
        links: Where each link of the tree leads, by its path.
        path: A path in the tree, which need not exist.
    """
    done: list[str] = []
    todo = list(reversed(PurePosixPath(path).parts))
    steps = 0
    while todo:
        part = todo.pop()
        if part == "..":
            if not done:
                return None
            done.pop()
            continue
        target = links.get("/".join((*done, part)))
        if target is None:
            done.append(part)
            continue
        steps += 1
        if steps > _STEPS or PurePosixPath(target).is_absolute() or not target:
            return None
        todo.extend(reversed(PurePosixPath(target).parts))
    return "/".join(done)


def read_tree(folder: Path) -> Iterator[tuple[str, File]]:
    """Yield the files and links below a folder of this program's own; no link is followed."""
    for parent, folders, names in os.walk(folder):
        for name in sorted((*folders, *names)):
            path = Path(parent, name)
            found = path.lstat().st_mode
            relative = path.relative_to(folder).as_posix()
            if stat.S_ISLNK(found):
                yield relative, File(os.fsencode(path.readlink()), Mode.LINK)
            elif stat.S_ISREG(found):
                mode = Mode.EXECUTABLE if found & stat.S_IXUSR else Mode.FILE
                yield relative, File(path.read_bytes(), mode)
