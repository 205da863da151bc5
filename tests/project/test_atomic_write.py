"""The only writer: all of a change reaches the disk, or none of it."""

import os
from pathlib import Path

import pytest

from scaffold._filesystem.folder import Folder
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.atomic_write import apply_changes, create_project
from scaffold._project.files.file_changes import compare_files
from scaffold._project.files.lockfile import Entry, Lock, Owner, digest

PAST = 1_000_000_000


def tree(root):
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def texts(root):
    return {path: content for path, (content, _) in tree(root).items()}


def lay(root, **files):
    for path, text in files.items():
        (root / path).write_text(text)
        os.utime(root / path, (PAST, PAST))
    return Lock(
        files={path: Entry(Owner.GENERATED, digest(text.encode())) for path, text in files.items()}
    )


def update(root, wanted, lock):
    apply_changes(root, compare_files(root, wanted, lock))


def test_files_are_created_updated_and_removed(tmp_path):
    lock = lay(tmp_path, old="1", stale="1")

    update(tmp_path, {"old": "2", "deep/er/new": "3"}, lock)

    assert texts(tmp_path) == {"old": b"2", "deep/er/new": b"3"}


def test_an_unchanged_file_keeps_its_modification_time(tmp_path):
    lock = lay(tmp_path, same="1", old="1")

    update(tmp_path, {"same": "1", "old": "2"}, lock)

    assert (tmp_path / "same").stat().st_mtime == PAST
    assert (tmp_path / "old").stat().st_mtime > PAST


def test_an_updated_file_keeps_its_rights(tmp_path):
    lock = lay(tmp_path, old="1")
    (tmp_path / "old").chmod(0o750)

    update(tmp_path, {"old": "2"}, lock)

    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o750


def test_line_endings_are_mended(tmp_path):
    (tmp_path / "a").write_bytes(b"1\r\n")

    update(tmp_path, {"a": "1\n"}, Lock())

    assert texts(tmp_path) == {"a": b"1\n"}


def test_folders_that_lose_their_last_file_go_too(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    lock = lay(tmp_path, **{"a/b/c": "1"})

    update(tmp_path, {}, lock)

    assert list(tmp_path.iterdir()) == []


def test_what_python_has_cached_keeps_no_folder_alive(tmp_path):
    (tmp_path / "a" / "b" / "__pycache__").mkdir(parents=True)
    (tmp_path / "a" / "b" / "__pycache__" / "c.pyc").write_text("1")
    lock = lay(tmp_path, **{"a/b/c.py": "1"})

    update(tmp_path, {}, lock)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_a_file_of_somebody_else_stays(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    lock = lay(tmp_path, **{"a/b/c": "1"})
    (tmp_path / "a" / "mine").write_text("1")

    update(tmp_path, {}, lock)

    assert texts(tmp_path) == {"a/mine": b"1"}
    assert not (tmp_path / "a" / "b").exists()


def test_spaces_and_other_alphabets_in_paths_are_fine(tmp_path):
    root = tmp_path / "mein Ordner" / "проект"
    root.mkdir(parents=True)

    update(root, {"eine Datei/名前.txt": "1"}, Lock())

    assert texts(root) == {"eine Datei/名前.txt": b"1"}


def test_a_link_within_the_project_is_followed_and_stays(tmp_path):
    lock = lay(tmp_path, real="1")
    (tmp_path / "link").symlink_to("real")
    lock = Lock(files={"link": lock.files["real"]})

    update(tmp_path, {"link": "2"}, lock)

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "2"


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
def test_a_failure_half_way_leaves_the_tree_as_it_was(tmp_path, monkeypatch, fails_at):
    lock = lay(tmp_path, a="1", b="1", stale="1")
    before = tree(tmp_path)
    changes = compare_files(tmp_path, {"a": "2", "b": "2", "new/c": "2", "new/d": "2"}, lock)
    move, calls = Folder.move, []

    def failing(self, name, to, new):
        calls.append(new)
        if len(calls) == fails_at:
            raise OSError(28, "No space left on device", new)
        return move(self, name, to, new)

    monkeypatch.setattr(Folder, "move", failing)
    with pytest.raises(PreconditionError, match="No space left on device; nothing was changed"):
        apply_changes(tmp_path, changes)

    assert tree(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "stale"]


def test_an_interrupt_half_way_leaves_the_tree_as_it_was(tmp_path, monkeypatch):
    lock = lay(tmp_path, a="1", b="1")
    before = tree(tmp_path)
    move, calls = Folder.move, []

    def interrupted(self, name, to, new):
        calls.append(new)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return move(self, name, to, new)

    monkeypatch.setattr(Folder, "move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        update(tmp_path, {"a": "2", "b": "2"}, lock)

    assert tree(tmp_path) == before


def test_a_file_system_without_hard_links_is_served_too(tmp_path, monkeypatch):
    lock = lay(tmp_path, a="1", b="1")
    before = tree(tmp_path)

    def unsupported(self, name, to, new):
        raise OSError(95, "Operation not supported")

    def failing(self, name, to, new):
        raise OSError(5, "Input/output error", new)

    monkeypatch.setattr(Folder, "link", unsupported)
    update(tmp_path, {"a": "2", "b": "1"}, lock)
    assert texts(tmp_path) == {"a": b"2", "b": b"1"}

    lock = lay(tmp_path, a="1", b="1")
    monkeypatch.setattr(Folder, "move", failing)
    with pytest.raises(PreconditionError):
        update(tmp_path, {"a": "2"}, lock)
    assert tree(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_is_named_and_nothing_written(tmp_path):
    lock = lay(tmp_path, a="1")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PreconditionError, match="Permission denied"):
            update(tmp_path, {"a": "2"}, lock)
    finally:
        tmp_path.chmod(0o700)
    assert texts(tmp_path) == {"a": b"1"}


def test_a_new_folder_appears_complete(tmp_path):
    create_project(tmp_path / "x" / "demo", {"a": "1", "b/c": "2"})

    assert texts(tmp_path) == {"x/demo/a": b"1", "x/demo/b/c": b"2"}


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "demo").mkdir()

    create_project(tmp_path / "demo", {"a": "1"})

    assert texts(tmp_path) == {"demo/a": b"1"}


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine").write_text("1")

    with pytest.raises(PreconditionError, match="exists and is not empty"):
        create_project(tmp_path / "demo", {"a": "1"})

    assert texts(tmp_path) == {"demo/mine": b"1"}


def test_a_file_in_the_place_of_the_new_folder_is_refused(tmp_path):
    (tmp_path / "demo").write_text("1")

    with pytest.raises(PreconditionError, match="exists and is not empty"):
        create_project(tmp_path / "demo", {"a": "1"})


@pytest.mark.parametrize("empty", [False, True])
def test_a_failure_leaves_no_part_of_a_new_folder(tmp_path, monkeypatch, empty):
    if empty:
        (tmp_path / "x" / "demo").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))

    def failing(self, target):
        raise OSError(5, "Input/output error", str(target))

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(PreconditionError, match="nothing was changed"):
        create_project(tmp_path / "x" / "demo", {"a": "1"})

    assert sorted(tmp_path.rglob("*")) == before
