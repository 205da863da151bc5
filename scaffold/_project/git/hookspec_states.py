"""Hookspecs at a revision, brought to the disk to be compared with others."""

import os
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from scaffold._filesystem.path_names import reason_to_refuse
from scaffold._project.files.trees import File, Mode, resolve_links
from scaffold._project.git.revisions import (
    Listing,
    Reader,
    TreeEntry,
    list_tree,
    read_files,
    revision_error,
)

_SETTINGS: Final = "pyproject.toml"
_READ: Final = (".yaml", ".yml", ".json")
"""The names of files that hookspecs may be made of."""
_LINKS: Final = 1000
"""How many links are looked at, at most."""


def extract_hookspecs(reader: Reader, tree: str, folder: Path, name: str) -> None:
    """Write the hookspecs of a tree, and the settings that say where they are, into a new folder.

    A link to a file or folder of the tree becomes what it leads to.

    Args:
        reader: Runs git on the repository.
        tree: The name of the tree.
        folder: Where the files go; it must not exist.
        name: What the person called the tree, for messages.

    Raises:
        PreconditionError: `revision` if something that may be a part of the hookspecs is not in
            the tree: a link that leads out, a submodule, a file that is too large. To leave it out
            would make the comparison say that nothing was there.
    """
    listing = list_tree(reader, tree, name)
    settings = read_files(reader, {_SETTINGS: listing[_SETTINGS]} if _SETTINGS in listing else {})
    below = _hookspecs(settings)
    wanted = {
        path: each
        for path, each in listing.items()
        if path.startswith(below) and _counts(path, each)
    }
    for path, each in wanted.items():
        if reason := reason_to_refuse(path):
            raise revision_error(name, f"'{path}' {reason}")
        if each.mode is Mode.SUBMODULE:
            reason = f"'{path}' is a submodule, whose files are not in the repository"
            raise revision_error(name, reason)
    found = read_files(reader, wanted)
    behind = read_files(reader, dict(_links(found, listing, name)))
    files = {**settings, **found, **behind}
    try:
        folder.mkdir()
        for path, file in files.items():
            if not _is_link(file):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as opened:
                    opened.write(file.content)
    except OSError as error:
        raise revision_error(name, f"'{error.filename}': {error.strerror}") from error


def _hookspecs(settings: Mapping[str, File]) -> str:
    """Return the folder of hookspecs that settings name, with `/` at its end, or nothing."""
    try:
        text = settings[_SETTINGS].content.decode()
        table: dict[str, Any] = tomllib.loads(text)["tool"]["scaffold"]
        found = resolve_links({}, str(table["hookspecs"]))
    except (KeyError, TypeError, ValueError):
        return ""
    return f"{found}/" if found else ""


def _counts(path: str, entry: TreeEntry) -> bool:
    """Tell whether hookspecs may be made of an entry; a submodule is a folder of anything."""
    suffix = PurePosixPath(path).suffix
    if entry.mode is Mode.LINK:
        return suffix in {*_READ, ""}
    return suffix in _READ or entry.mode is Mode.SUBMODULE


def _links(
    found: Mapping[str, File], listing: Listing, name: str
) -> Iterator[tuple[str, TreeEntry]]:
    """Yield what each link leads to, under the paths that the links give it."""
    links = {path: os.fsdecode(each.content) for path, each in found.items() if _is_link(each)}
    if len(links) > _LINKS:
        raise revision_error(name, f"it has more than {_LINKS} links")
    paths = sorted(listing)
    for link in links:
        target = resolve_links(links, link)
        reached = [] if target is None else _at(paths, target)
        if target is None or not reached or any(_is_link(listing[each]) for each in reached):
            reason = f"the link '{link}' leads out of it, to nothing or to a folder with links"
            raise revision_error(name, reason)
        yield from ((link + each[len(target) :], listing[each]) for each in reached)


def _at(paths: list[str], target: str) -> list[str]:
    """Return a path, if it is among the sorted paths, or all of those below it."""
    start = bisect_left(paths, target)
    if paths[start : start + 1] == [target]:
        return [target]
    return paths[bisect_left(paths, f"{target}/") : bisect_left(paths, f"{target}0")]


def _is_link(each: File | TreeEntry) -> bool:
    return each.mode is Mode.LINK
