"""Folders of the user, which no other user and no repository can write to."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from scaffold._filesystem.folder import Folder
from scaffold._filesystem.reading import read_descriptor

__all__ = ["cache_home", "open_private", "read_private", "state_home"]

APP_NAME = "hookspec-scaffold"
_WRITABLE_BY_OTHERS = 0o022
_effective_user_id: Callable[[], int] | None = getattr(os, "geteuid", None)


def cache_home() -> Path:
    """Return the folder for what may be deleted at any time."""
    return _home("XDG_CACHE_HOME", ".cache") / APP_NAME


def state_home() -> Path:
    """Return the folder for what has to last."""
    return _home("XDG_STATE_HOME", ".local/state") / APP_NAME


def _home(variable: str, usual: str) -> Path:
    # A relative path is to be ignored (XDG Base Directory Specification): it would depend on the
    # current folder, which may be a repository.
    for given in (os.environ.get(variable), os.environ.get("LOCALAPPDATA")):
        if given and Path(given).is_absolute():
            return Path(given)
    return Path.home() / usual


def open_private(path: Path, *, make: bool = False) -> Folder:
    """Open a folder of this user; with `make`, create it with the rights 0700.

    Raises `PermissionError` if it belongs to another user or others may write in it, and other
    `OSError` if it does not exist or is a link.
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
    """Return the content of a file in such a folder; raises as `open_private` and `read_small`."""
    descriptor = folder.open_file(name)
    try:
        _check_owner_and_mode(os.fstat(descriptor), folder.path / name)
    except BaseException:
        os.close(descriptor)
        raise
    return read_descriptor(descriptor, str(folder.path / name), limit)


def _check_owner_and_mode(state: os.stat_result, path: Path) -> None:
    if _effective_user_id is None:  # Windows: the folder's own access list keeps others out
        return
    if state.st_uid != _effective_user_id() or stat.S_IMODE(state.st_mode) & _WRITABLE_BY_OTHERS:
        raise PermissionError(1, "Not of this user alone", str(path))
