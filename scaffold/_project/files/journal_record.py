"""What a journal says: the files and folders of an unfinished change, and who wrote it."""

from pathlib import Path

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import decode, encode

from scaffold._filesystem.folder import Folder
from scaffold._project.files.signing import is_signed, sign

JOURNAL = "journal"


class ForeignError(Exception):
    """The journal, or a file that it means, is not what this user wrote."""


class Step(Struct, frozen=True):
    """One file of a change."""

    path: str
    """Relative to the project, with `/`, links resolved."""
    before: str | None
    """The SHA-256 of what was there; None if there was nothing."""
    written: bool
    """False if the file is removed."""


class Change(Struct, frozen=True):
    """All of a change."""

    steps: tuple[Step, ...]
    made: tuple[str, ...]
    """Folders that the change makes, the inner ones first."""
    modes: dict[str, int]
    """The rights of folders that may lose their last file."""


class _Signed(Struct, frozen=True):
    change: str
    signature: str


def write(work: Folder, change: Change, root: Path) -> None:
    """Write the journal of a change into its folder."""
    text = encode(change).decode()
    work.create(JOURNAL, encode(_Signed(text, sign(text, root))))


def read(work: Folder, root: Path) -> Change | None:
    """Return what the journal lists; None without a journal, or if it was cut off.

    A journal that is cut off was never acted upon. Raises `ForeignError` if this user did not
    write it.
    """
    try:
        signed = decode(work.read(JOURNAL), type=_Signed)
        change = decode(signed.change, type=Change)
    except (OSError, ValidationError, RecursionError) as error:
        if isinstance(error, FileNotFoundError):
            return None
        raise ForeignError from None
    except DecodeError:
        return None
    if not is_signed(signed.change, signed.signature, root):
        raise ForeignError
    return change


def around(path: str) -> list[str]:
    """Return the folders that a file is in, relative to the project, the inner ones first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
