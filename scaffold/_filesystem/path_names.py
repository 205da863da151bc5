"""Rules for the paths that a repository names: relative, inside of it, and not in `.git`."""

import re
import unicodedata

_ORDINARY_PATH = re.compile(
    r"(?:[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*/)*[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*"
)
"""Almost all paths. None of them is refused, so one match is the whole check."""

_NTFS_SHORT_NAME = re.compile(r"(?:git|scaffo)~[0-9]+")
"""The short names that NTFS gives to `.git` and `.scaffold`, without the dot."""


def reason_to_refuse(path: str) -> str | None:
    """Return why a path that a repository names must not be used; `None` if it may be used.

    Refused are absolute paths, `..`, `.git` and `.scaffold` in every spelling that a file system
    accepts for them, and characters that no path can contain.
    Source: `is_ntfs_dotgit` and `is_hfs_dotgit` of git, CVE-2014-9390.

    Args:
        path: Relative to the project, with `/`.
    """
    if _ORDINARY_PATH.fullmatch(path):
        return None
    if "\0" in path or any("\ud800" <= character <= "\udfff" for character in path):
        return "has a character that no path can contain"
    parts = re.split(r"[/\\]", path)
    if path[:1] in ("/", "\\") or re.match(r"[A-Za-z]:", path):
        return "leads out of the project: it is absolute"
    for part in parts:
        if part in ("", "."):
            continue
        if not part.strip(". "):
            return "leads out of the project: it has '..' in it"
        if _normalized(part) in (".git", ".scaffold") or _NTFS_SHORT_NAME.fullmatch(
            _normalized(part)
        ):
            return f"leads into '{'.scaffold' if 'scaffo' in _normalized(part) else '.git'}'"
    return None


def is_git_folder(part: str) -> bool:
    """Return whether some file system reads one part of a path as `.git`."""
    folded = _normalized(part)
    return folded == ".git" or (folded.startswith("git~") and folded[4:].isdecimal())


def _normalized(part: str) -> str:
    """Return a name as the most tolerant file system reads it.

    NTFS ignores dots and spaces at the end, and takes the text after a colon as the name of a
    stream. HFS+ ignores the format characters of Unicode. Both ignore case.
    """
    visible = "".join(each for each in part if unicodedata.category(each) != "Cf")
    name = visible.partition(":")[0].rstrip(". ")
    return unicodedata.normalize("NFKC", name).casefold()
