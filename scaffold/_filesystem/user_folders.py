"""Private folders of the user, in which no other user and no repository can write."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from scaffold._filesystem.folder import Folder
from scaffold._filesystem.reading import read_descriptor

APP_NAME = "hookspec-scaffold"
_WRITABLE_BY_OTHERS = 0o022
_effective_user_id: Callable[[], int] | None = getattr(os, "geteuid", None)


def cache_home() -> Path:
    """Return the folder for caches, which may be deleted at any time."""
    return _home("XDG_CACHE_HOME", ".cache") / APP_NAME


def state_home() -> Path:
    """Return the folder for persistent state."""
    return _home("XDG_STATE_HOME", ".local/state") / APP_NAME


def _home(variable: str, usual: str) -> Path:
    # Relative paths must be ignored (XDG Base Directory Specification): they would depend on the
    # current folder, which may be an untrusted repository.
    for given in (os.environ.get(variable), os.environ.get("LOCALAPPDATA")):
        if given and Path(given).is_absolute():
            return Path(given)
    return Path.home() / usual


def open_private(path: Path, *, make: bool = False) -> Folder:
    """Open a private folder of this user.

    Args:
        path: The folder.
        make: Create it with permissions 0700 if it does not exist.

    Raises:
        PermissionError: It belongs to another user, or others may write in it.
        OSError: It does not exist, or is a link.
    """
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    with Folder.open(path.parent) as parent:
        if make and parent.state(path.name) is None:
            parent.make(path.name, 0o700)
        folder = parent.enter(path.name)
    try:
        if (
            make
            and _effective_user_id is not None
            and folder.own_state().st_uid == _effective_user_id()
        ):
            folder.close_to_others()
        _check_owner_and_mode(folder.own_state(), path)
    except BaseException:
        folder.close()
        raise
    return folder


def read_private(folder: Folder, name: str, limit: int) -> bytes:
    """Read a file in a private folder; raises as `open_private` and `read_small_file` do."""
    with folder.open_file(name) as descriptor:
        _check_owner_and_mode(os.fstat(descriptor), folder.path / name)
        return read_descriptor(descriptor, str(folder.path / name), limit)


def _check_owner_and_mode(state: os.stat_result, path: Path) -> None:
    if _effective_user_id is None:  # Windows: the access list of the folder protects it
        return
    if state.st_uid != _effective_user_id() or stat.S_IMODE(state.st_mode) & _WRITABLE_BY_OTHERS:
        raise PermissionError(1, "Other users may write it", str(path))
