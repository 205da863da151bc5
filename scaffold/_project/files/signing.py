"""A signature that tells what this user wrote from what came with a repository.

The key is random, made at the first signature, and kept in the user's state folder. Where that
cannot be written (a read-only home, a service without one) it is kept in a folder of the user's own
among the temporary files; where not even that is possible, in this process alone. A key that lies
inside of the project itself could have come with it, and is not used.
"""

import hmac
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

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
