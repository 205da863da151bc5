"""Which paths of a repository may be used: relative, inside of it, and not in folders of git."""

import re
import unicodedata

__all__ = ["is_git_folder", "reason_to_refuse"]

_ORDINARY_PATH = re.compile(
    r"(?:[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*/)*[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*"
)
"""Most paths there are. None of them can be refused, and one match is all that they cost."""

_NTFS_SHORT_NAME = re.compile(r"(?:git|scaffo)~[0-9]+")
"""The short names that NTFS gives to `.git` and `.scaffold`, without the dot."""


def reason_to_refuse(path: str) -> str | None:
    """Return why a path that a repository names may not be used; `None` if it may.

    The path is relative to the project, with `/`. Refused are absolute paths, `..`, folders of git
    and of scaffold in every spelling that a file system takes for them, and characters that a path
    cannot hold. Source: `is_ntfs_dotgit` and `is_hfs_dotgit` of git, CVE-2014-9390.
    """
    if _ORDINARY_PATH.fullmatch(path):
        return None
    if "\0" in path or any("\ud800" <= character <= "\udfff" for character in path):
        return "holds a character that no path may hold"
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
    """Tell whether some file system takes one part of a path for `.git`."""
    folded = _normalized(part)
    return folded == ".git" or (folded.startswith("git~") and folded[4:].isdecimal())


def _normalized(part: str) -> str:
    """Return a name as the most lenient file system reads it.

    NTFS ignores dots and spaces at the end and reads what follows a colon as a stream; HFS+ ignores
    the format characters of Unicode; both ignore case.
    """
    visible = "".join(each for each in part if unicodedata.category(each) != "Cf")
    name = visible.partition(":")[0].rstrip(". ")
    return unicodedata.normalize("NFKC", name).casefold()
