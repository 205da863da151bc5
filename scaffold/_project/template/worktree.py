"""What a project has where its template writes: the file on the disk, and what git knows of it."""

import os
import stat
from collections.abc import Iterator, Mapping

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._filesystem.reading import OutsideProjectError
from scaffold._project.files.trees import File, Mode
from scaffold._project.git.repository import Tracked
from scaffold._project.template.merging import ProjectFile


def project_file_at(
    tree: ProjectTree, tracked: Mapping[str, Tracked], path: str
) -> tuple[str, ProjectFile]:
    """Return where a path really is in a project, links followed, and what is there.

    Args:
        tree: The folder of the project.
        tracked: What git has in its index.
        path: A path that the template makes.
    """
    try:
        real = tree.locate(path)
        if reason := _other_repository(tree, tracked, real):
            return real, ProjectFile(None, obstacle=reason)
        return real, _at(tree, tracked.get(real), path, real)
    except OutsideProjectError as error:
        return path, ProjectFile(None, obstacle=f"its place in the project {error.strerror}")
    except NotADirectoryError:
        return path, ProjectFile(None, obstacle="a file has the name of its folder")
    except OSError as error:
        return path, ProjectFile(None, obstacle=f"it cannot be read: {error.strerror}")


def _at(tree: ProjectTree, known: Tracked | None, path: str, real: str) -> ProjectFile:
    parent, _, name = real.rpartition("/")
    try:
        folder = tree.folder(parent)
    except FileNotFoundError:
        state = None
    else:
        state = folder.state(name)
    if state is None:
        if known is not None and known.skipped:
            return ProjectFile(None, obstacle="a sparse checkout leaves it out")
        return ProjectFile(None, obstacle="it is a link to nothing" if real != path else "")
    if stat.S_ISDIR(state.st_mode):
        return ProjectFile(None, obstacle="a folder has its name")
    if not stat.S_ISREG(state.st_mode):
        return ProjectFile(None, obstacle="it is neither a file nor a link to one")
    executable = state.st_mode & stat.S_IXUSR if os.name == "posix" else _was_executable(known)
    mode = Mode.EXECUTABLE if executable else Mode.FILE
    return ProjectFile(File(tree.read(real), mode), tracked=known is not None)


def _was_executable(known: Tracked | None) -> bool:
    return known is not None and known.mode is Mode.EXECUTABLE


def _other_repository(tree: ProjectTree, tracked: Mapping[str, Tracked], real: str) -> str:
    """Return why a path is not of this repository: a submodule, or one inside of the folder."""
    for folder in (*_parents(real), real):
        known = tracked.get(folder)
        if known is not None and known.mode is Mode.SUBMODULE:
            return f"'{folder}' is a submodule"
    for folder in _parents(real):
        try:
            if tree.folder(folder).state(".git") is not None:
                return f"'{folder}' is another repository"
        except FileNotFoundError:
            break
    return ""


def _parents(path: str) -> Iterator[str]:
    """Yield the folders of a path, the outermost first."""
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])
