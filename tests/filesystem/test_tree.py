"""A project's files are read and found inside of it, whatever its folders and links say."""

import errno
import os
import socket
from functools import partial
from pathlib import Path

import pytest

from scaffold._filesystem.folder import Folder
from scaffold._filesystem.project_tree import ProjectTree
from scaffold._filesystem.reading import (
    MAX_FILE_BYTES,
    OutsideProjectError,
    opened,
    read_small_file,
)


def read_inside(root, path):
    with ProjectTree(root) as tree:
        return tree.read(path)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "project"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("inside")
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("git")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("secret")
    return root


def test_a_file_is_read_by_its_path(root):
    assert read_inside(root, "a/b/file") == b"inside"
    assert read_inside(root, "./a/./b/file") == b"inside"


def test_a_file_that_is_not_there_is_missing(root):
    for path in ("x", "a/x", "x/y/z"):
        with pytest.raises(FileNotFoundError):
            read_inside(root, path)


def test_links_that_stay_inside_are_followed_to_what_they_name(root):
    (root / "file").symlink_to("a/b/file")
    (root / "folder").symlink_to("a/b")
    (root / "twice").symlink_to("folder")

    with ProjectTree(root) as tree:
        assert tree.read("file") == tree.read("folder/file") == tree.read("twice/file") == b"inside"
        assert tree.locate("twice/file") == "a/b/file"
        assert tree.locate("folder/new/deeper") == "a/b/new/deeper"
        assert tree.locate("file") == "a/b/file"


@pytest.mark.parametrize("target", ["../outside/file", "{root}/../outside/file", "/etc/passwd"])
def test_a_file_behind_a_link_that_leads_out_is_not_read(root, target):
    (root / "link").symlink_to(target.format(root=root))

    with ProjectTree(root) as tree:
        for use in (tree.read, tree.locate):
            with pytest.raises(OutsideProjectError, match="leads out of the project"):
                use("link")


def test_a_folder_behind_a_link_that_leads_out_is_not_entered(root):
    (root / "link").symlink_to("../outside")
    (root / "a" / "twice").symlink_to("../link")

    with ProjectTree(root) as tree:
        for path in ("link/file", "a/twice/file", "link/new"):
            for use in (tree.read, tree.locate):
                with pytest.raises(OutsideProjectError, match="leads out of the project"):
                    use(path)


def test_a_dangling_link_that_leads_out_is_refused_before_its_target_exists(root):
    (root / "link").symlink_to("../outside/new")

    with ProjectTree(root) as tree, pytest.raises(OutsideProjectError):
        tree.locate("link")


def test_a_link_into_git_is_refused(root):
    (root / "head").symlink_to(".git/HEAD")
    (root / "hooks").symlink_to(".git")

    with ProjectTree(root) as tree:
        for path in ("head", "hooks/HEAD"):
            with pytest.raises(OutsideProjectError, match=r"leads into '\.git'"):
                tree.read(path)


def test_a_link_that_appears_after_the_look_is_not_followed(root):
    with ProjectTree(root) as tree:
        real = tree.locate("a/b/file")
        folder = tree.folder("a/b")
        (root / "a" / "b").rename(root / "a" / "c")
        (root / "a" / "b").symlink_to(root.parent / "outside")
        assert folder.read("file") == b"inside"
        assert real == "a/b/file"
    with ProjectTree(root) as tree, pytest.raises(OutsideProjectError):
        tree.read("a/b/file")


def test_links_in_a_circle_are_an_error(root):
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "self").symlink_to("self")

    for path in ("one", "self", "one/file"):
        with pytest.raises(OSError, match=r"Too many levels|Not a directory"):
            read_inside(root, path)


def test_a_project_whose_own_folder_is_a_link_is_read(root, tmp_path):
    (tmp_path / "link").symlink_to(root)

    assert read_inside(tmp_path / "link", "a/b/file") == b"inside"


def test_many_folders_cost_few_descriptors(root):
    for number in range(300):
        (root / f"f{number}").mkdir()
        (root / f"f{number}" / "x").write_text(str(number))
    before = descriptors()

    with ProjectTree(root) as tree:
        for _ in range(2):
            assert [tree.read(f"f{n}/x") for n in range(300)] == [b"%d" % n for n in range(300)]
        assert descriptors() < before + 30
    assert descriptors() == before


def descriptors():
    """Count those of this process, where the system lists them."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.is_dir() else 0


def special(root):
    os.mkfifo(root / "pipe")
    (root / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")  # relative: the names of sockets are short
    (root / "folder").mkdir()
    with (root / "huge").open("wb") as file:
        file.truncate(10 * 1024**3)


@pytest.mark.parametrize("name", ["pipe", "zero", "socket", "folder", "huge"])
def test_what_is_not_a_small_regular_file_is_refused_at_once(root, name, monkeypatch):
    monkeypatch.chdir(root)
    special(root)

    with pytest.raises(OSError, match=name) as caught:
        read_small_file(root / name)

    expected = {"huge": errno.EFBIG, "folder": errno.EISDIR, "socket": errno.ENXIO}
    assert caught.value.errno == expected.get(name, errno.EINVAL)


def test_a_file_of_the_greatest_size_is_read_and_one_byte_more_is_not(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)

    assert len(read_small_file(file, limit=100)) == 100
    with pytest.raises(OSError, match="Larger than 99 bytes"):
        read_small_file(file, limit=99)
    assert MAX_FILE_BYTES == 16 * 1024**2


def test_a_file_without_a_size_is_read_whole():
    status = Path("/proc/self/status")

    assert not status.exists() or b"VmRSS" in read_small_file(status)


def test_a_new_file_is_not_written_through_a_link(root):
    (root / "link").symlink_to("../outside/new")

    with Folder.open(root) as folder:
        with pytest.raises(FileExistsError):
            folder.create("link", b"x")
        for name in ("a/b", "..", "", "."):
            with pytest.raises(OutsideProjectError):
                folder.create(name, b"x")
    assert not (root.parent / "outside" / "new").exists()


def test_sweeping_a_link_leaves_what_it_leads_to(root):
    (root / "link").symlink_to("../outside")

    with Folder.open(root) as folder:
        folder.sweep("link")
        folder.sweep("a")

    assert (root.parent / "outside" / "file").read_text() == "secret"
    assert not (root / "a").exists()


def test_a_descriptor_is_closed_when_its_reader_is_interrupted(root):
    with (
        pytest.raises(KeyboardInterrupt),
        opened(partial(os.open, root / "a" / "b" / "file", os.O_RDONLY)) as descriptor,
    ):
        raise KeyboardInterrupt
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
