"""Reading the files of a project, with errors that say what to do."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._filesystem.reading import OutsideProjectError
from scaffold._project.config.errors import PreconditionError


def read_file(root: Path, path: str) -> bytes:
    """Return the content of one file of a project, links that stay inside followed.

    Raises `FileNotFoundError` if it does not exist, and `PreconditionError` if it lies outside of
    the project or is anything but a regular file of a sensible size.
    """
    with explain_os_errors(path), ProjectTree(root) as tree:
        return tree.read(path)


def read_text(root: Path, path: str) -> str:
    r"""Return a text of a project with `\n` at its line ends.

    Raises as `read_file` does, and `UnicodeDecodeError`.
    """
    return read_file(root, path).decode().replace("\r\n", "\n")


@contextmanager
def explain_os_errors(path: str) -> Generator[None]:
    """Turn an `OSError` about one file into a `PreconditionError`; one that is missing stays."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OutsideProjectError as error:
        help_ = "replace the link by a file or a folder, or name a path inside of the project"
        raise PreconditionError("outside", f"'{path}' {error.strerror}", help_) from error
    except (IsADirectoryError, NotADirectoryError) as error:
        message = (
            f"'{error.filename}' is in the way: a file is in the place of a folder, or the reverse"
        )
        raise PreconditionError("in-the-way", message, "move it elsewhere") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        help_ = "put a regular file of at most 16 MB there that you may read"
        raise PreconditionError(
            "unreadable", f"'{path}' cannot be read: {reason}", help_
        ) from error
