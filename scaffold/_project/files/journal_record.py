"""What a journal says: the files and folders of an unfinished change, and who wrote it.

A signature tells what this user wrote from what came with a repository. The key is random, made at
the first signature, and kept in the user's state folder. Where that cannot be written (a read-only
home, a service without one) it is kept in a folder of the user's own among the temporary files;
where not even that is possible, in this process alone. A key that lies inside of the project itself
could have come with it, and is not used.
"""

import hmac
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import decode, encode

from scaffold._filesystem.folder import Folder
from scaffold._filesystem.user_folders import APP_NAME, open_private, read_private, state_home

_KEY = "journal.key"
_BYTES = 32
_PURPOSE = b"scaffold journal 2\0"
_of_this_process = secrets.token_bytes(_BYTES)


def sign(text: str, root: Path) -> str:
    """Return the signature of a text about the project in `root`, in hex."""
    return _signature(text, _made_key(root))


def is_signed(text: str, signature: str, root: Path) -> bool:
    """Tell whether this user has signed the text."""
    given = signature.encode()
    return any(hmac.compare_digest(_signature(text, key).encode(), given) for key in _keys(root))


def _signature(text: str, key: bytes) -> str:
    return hmac.digest(key, _PURPOSE + text.encode(), "sha256").hex()


def _made_key(root: Path) -> bytes:
    for path in _places(root):
        with suppress(OSError), open_private(path, make=True) as folder:
            return _read(folder) or _make(folder)
    return _of_this_process


def _keys(root: Path) -> Iterator[bytes]:
    yield _of_this_process
    for path in _places(root):
        with suppress(OSError), open_private(path) as folder:
            key = _read(folder)
            if key is not None:
                yield key


def _places(root: Path) -> Iterator[Path]:
    user = getattr(os, "geteuid", lambda: "user")()
    places = [Path(tempfile.gettempdir(), f"{APP_NAME}-{user}")]
    with suppress(RuntimeError):  # a user without a home
        places.insert(0, state_home())
    project = root.resolve()
    yield from (place for place in places if not place.resolve().is_relative_to(project))


def _read(folder: Folder) -> bytes | None:
    try:
        key = read_private(folder, _KEY, _BYTES)
    except FileNotFoundError:
        return None
    return key if len(key) == _BYTES else None


def _make(folder: Folder) -> bytes:
    """Make a key, whole or not at all; another process may make one at the same time."""
    draft = f"{_KEY}.{secrets.token_hex(6)}"
    folder.create(draft, secrets.token_bytes(_BYTES), 0o600)
    try:
        folder.link(draft, folder, _KEY)
    except OSError:
        if _read(folder) is None:  # no hard links here, or a file that is not a key
            folder.move(draft, folder, _KEY)
    with suppress(FileNotFoundError):
        folder.unlink(draft)
    key = _read(folder)
    if key is None:
        raise FileNotFoundError(2, os.strerror(2), str(folder.path / _KEY))
    return key


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

    A journal that is cut off was never applied. Raises `ForeignError` if this user did not
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
