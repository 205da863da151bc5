"""What git keeps at a revision, read as the objects that it is made of.

Nothing is checked out or archived: attributes (`export-ignore`, `export-subst`, `eol`, filters)
neither hide a file nor change one, and no name of a tree becomes a path before it is checked.
Hookspecs at a revision are brought to the disk, to be compared with others.
"""

import os
import tomllib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, TypeAlias

from scaffold._filesystem.project_tree import reason_to_refuse
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.trees import File, Mode, resolve_links


class Reader(Protocol):
    """Runs a subcommand of git on one repository; None is a refusal."""

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes | None:
        """Run it, and return what it prints."""
        ...


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One path at a revision."""

    mode: Mode
    oid: str
    """The name of the object."""
    size: int
    """Bytes of the content; 0 for a submodule."""


Listing: TypeAlias = Mapping[str, TreeEntry]

_LARGEST: Final = 16 * 2**20
"""Bytes of one file, at most."""
_MOST: Final = 256 * 2**20
"""Bytes of all files that are read at once."""


def resolve_object(reader: Reader, name: str) -> tuple[str, str] | None:
    """Return the object that a person means, and its type; None if there is none.

    The name reaches git on its standard input, where it cannot be taken for an option.
    """
    if "\n" in name or "\0" in name:
        return None
    said = os.fsdecode(reader("cat-file", "--batch-check", given=os.fsencode(f"{name}\n")) or b"")
    match said.split():
        case [oid, "blob" | "tree" | "commit" | "tag" as kind, size] if size.isdecimal():
            return oid, kind
        case _:
            return None


def list_tree(reader: Reader, tree: str, name: str) -> dict[str, TreeEntry]:
    """List all files, links and submodules of a tree, by path.

    Args:
        reader: Runs git.
        tree: The name of the tree or commit.
        name: What the person called it, for messages.

    Raises:
        PreconditionError: `revision` if the tree cannot be read or has a path twice.
    """
    listed = reader("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
    if listed is None:
        raise revision_error(name, "git cannot read it: a partial clone may lack files of it")
    found = list(_entries(os.fsdecode(listed)))
    files = dict(found)
    times = Counter(path for path, _ in found)
    for path in files:
        if times[path] > 1 or any(parent in files for parent in _parents(path)):
            raise revision_error(name, f"it has '{path}' twice, or as a file and as a folder")
    return files


def read_files(reader: Reader, listing: Listing) -> dict[str, File]:
    """Read the files and links of a listing, by path; submodules have no content here.

    Raises:
        PreconditionError: `revision` if there is more to read than 16 MiB for one file or 256 MiB
            for all, or if an object is not there.
    """
    wanted = {path: each for path, each in listing.items() if each.mode is not Mode.SUBMODULE}
    for path, each in wanted.items():
        if each.size > _LARGEST:
            raise revision_error(path, f"it has {each.size} bytes, and at most {_LARGEST} are read")
    sizes = {each.oid: each.size for each in wanted.values()}
    if sum(sizes.values()) > _MOST:
        raise revision_error("the revision", f"it is larger than {_MOST} bytes")
    given = "".join(f"{oid}\n" for oid in sizes).encode()
    said = reader("cat-file", "--batch", given=given) if sizes else b""
    contents = _contents(said or b"", list(sizes))
    return {path: File(contents[each.oid], each.mode) for path, each in wanted.items()}


def revision_error(name: str, reason: str) -> PreconditionError:
    """Return the error for a state in git that cannot be read as a whole."""
    advice = "name another revision, or compare two folders"
    return PreconditionError("revision", f"'{name}' cannot be read: {reason}", advice)


def _entries(listed: str) -> Iterator[tuple[str, TreeEntry]]:
    for line in listed.split("\0"):
        if line:
            head, _, path = line.partition("\t")
            mode, _, oid, size = head.split()
            # Git before 1.5 wrote more modes; what is not known is an ordinary file.
            kind = Mode(mode) if mode in set(Mode) else Mode.FILE
            yield path, TreeEntry(kind, oid, int(size) if size.isdecimal() else 0)


def _parents(path: str) -> Iterator[str]:
    cut = path.rfind("/")
    while cut > 0:
        path = path[:cut]
        yield path
        cut = path.rfind("/")


def _contents(said: bytes, oids: list[str]) -> dict[str, bytes]:
    """Cut what `cat-file --batch` prints: a line with name, type and size, the content, a line."""
    contents: dict[str, bytes] = {}
    start = 0
    for oid in oids:
        end = said.find(b"\n", start)
        match said[start : max(end, start)].split(b" "):
            case [name, b"blob", size] if name == oid.encode():
                start = end + 1 + int(size) + 1
                contents[oid] = said[end + 1 : start - 1]
            case _:
                raise revision_error(oid, "git does not have this object")
    return contents


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
