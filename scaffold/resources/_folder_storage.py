"""Blobs and checkpoints in a folder, which a host and the processes of its plugins share."""

import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from scaffold.contract._context.storage import BlobStore, Checkpoints, CheckpointStore, check_key

_SUFFIX = ".blob"


class FolderBlobs:
    """A blob store with one file for each key.

    Args:
        folder: Returns the folder. It is called, and the folder created, at the first use.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    def put(self, key: str, data: bytes) -> None:
        """Store the data by a temporary file and a rename; raise `ValueError` for a bad key."""
        from tempfile import NamedTemporaryFile

        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, prefix=".new-", delete=False) as new:
            try:
                new.write(data)
                new.close()
                Path(new.name).replace(file)
            except BaseException:
                new.close()
                Path(new.name).unlink(missing_ok=True)
                raise

    def get(self, key: str) -> bytes | None:
        """Return the stored data, or `None`."""
        try:
            return self._file(key).read_bytes()
        except FileNotFoundError:
            return None

    def list(self, prefix: str = "") -> Sequence[str]:
        """Return the keys that begin with a prefix, sorted."""
        try:
            names = [file.name for file in self._folder().iterdir()]
        except FileNotFoundError:
            return []
        keys = (unquote(name.removesuffix(_SUFFIX)) for name in names if name.endswith(_SUFFIX))
        return sorted(key for key in keys if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Remove a key, if it exists."""
        self._file(key).unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        check_key(key)
        return self._folder() / (quote(key, safe=" ") + _SUFFIX)


class Storage:
    """The folder with the blobs and checkpoints of all plugins of a host.

    Args:
        folder: A folder of the application. Without one, a temporary folder is created at the first
            use, and removed with this object.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self._folder = None if folder is None else Path(folder).absolute()
        self._remove: Callable[[], object] = _nothing

    def folder(self) -> Path:
        """Return the absolute path. A folder of the application need not exist yet."""
        if self._folder is None:
            self._folder, self._remove = temporary_folder(self, "plugins-")
        return self._folder

    def blobs(self) -> BlobStore:
        """Return the blob store that all plugins share."""
        return FolderBlobs(lambda: self.folder() / "blobs")

    def checkpoints(self, plugin: str) -> CheckpointStore:
        """Return the checkpoint store of one plugin."""
        name = quote(plugin, safe="") + _SUFFIX
        return Checkpoints(FolderBlobs(lambda: self.folder() / "checkpoints" / name))

    def close(self) -> None:
        """Remove the folder if it is temporary. May be repeated."""
        self._remove()


def temporary_folder(owner: object, prefix: str) -> tuple[Path, Callable[[], object]]:
    """Create a temporary folder; return it, and the function that removes it.

    The folder is removed with its owner at the latest, or at the end of the process. A forked
    process, which has a copy of the owner, does not remove it.
    """
    import tempfile

    made = Path(tempfile.mkdtemp(prefix=prefix))
    return made, weakref.finalize(owner, _remove, made, os.getpid())


def _remove(folder: Path, process: int) -> None:
    import shutil

    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def _nothing() -> None:
    """Keep the folder of the application."""
