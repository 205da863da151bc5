"""Files that git would wait for are refused before git is started."""

import os
import subprocess

import pytest

from scaffold._project.config.errors import PreconditionError
from scaffold._project.git.git import run_read_only
from scaffold._project.git.repository import open_repository

WITHOUT_PIPES = not hasattr(os, "mkfifo")
pytestmark = pytest.mark.skipif(WITHOUT_PIPES, reason="this system has no named pipes")


@pytest.fixture
def project(tmp_path):
    """A repository with one commit, and a project in a folder of it."""
    inner = tmp_path / "top" / "demo"
    inner.mkdir(parents=True)
    (inner / "file").write_text("text\n")
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "one")):
        subprocess.run(["git", *who, *command], cwd=tmp_path / "top", check=True)
    return inner


def refusal(action):
    """Return why something is refused."""
    with pytest.raises(PreconditionError) as caught:
        action()
    assert caught.value.code == "special-file"
    return caught.value.message


@pytest.mark.parametrize("name", ["HEAD", "config", "index", "packed-refs", "objects/info/grafts"])
def test_a_pipe_in_the_folder_of_git_is_refused(project, name):
    place = project.parent / ".git" / name
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    assert "is a pipe or a device" in refusal(lambda: run_read_only(project, "rev-parse", "HEAD"))


def test_a_link_of_git_to_a_device_is_refused(project):
    place = project.parent / ".git/info/exclude"
    place.unlink()
    place.symlink_to("/dev/zero")
    assert "info/exclude' is a pipe or a device" in refusal(
        lambda: run_read_only(project, "rev-parse")
    )


def test_a_pipe_in_the_folder_that_work_trees_share_is_refused(project, tmp_path):
    tree = tmp_path / "tree"
    add = ["git", "worktree", "add", "-q", str(tree)]
    subprocess.run(add, cwd=project, check=True)
    assert run_read_only(tree, "rev-parse", "HEAD") is not None
    (project.parent / ".git/config").unlink()
    os.mkfifo(project.parent / ".git/config")
    assert "config' is a pipe" in refusal(lambda: run_read_only(tree, "rev-parse", "HEAD"))


def test_a_pipe_in_the_place_of_the_folder_of_git_is_refused(tmp_path):
    os.mkfifo(tmp_path / ".git")
    assert "/.git' is a pipe" in refusal(lambda: run_read_only(tmp_path, "rev-parse", "HEAD"))


@pytest.mark.parametrize("where", ["../.gitignore", ".gitignore", "a/b/.GitIgnore"])
def test_a_list_of_ignored_files_that_is_a_pipe_is_refused(project, where):
    (project / where).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(project / where)
    assert "is a pipe or a device" in refusal(open_repository(project).dirty)


def test_a_list_of_ignored_files_without_an_end_is_refused(project):
    with (project / ".gitignore").open("wb") as huge:
        huge.truncate(10 * 2**30)
    assert "has more than 16 MB" in refusal(open_repository(project).dirty)


def test_settings_without_an_end_are_refused(project):
    with (project.parent / ".git/config").open("ab") as huge:
        huge.truncate(10 * 2**30)
    assert "has more than 16 MB" in refusal(lambda: run_read_only(project, "rev-parse", "HEAD"))


@pytest.mark.parametrize(
    "name", ["refs/heads/x", "info/attributes", "objects/info/alternates", "shallow"]
)
def test_a_file_of_git_without_an_end_is_refused(project, name):
    """Git takes it into memory as a whole, 3 GB for a branch of 3 GB."""
    place = project.parent / ".git" / name
    place.parent.mkdir(exist_ok=True)
    with place.open("ab") as huge:
        huge.truncate(10 * 2**30)
    assert "has more than 16 MB" in refusal(lambda: run_read_only(project, "rev-parse", "HEAD"))


def test_packed_branches_may_be_many_but_not_without_an_end(project):
    place = project.parent / ".git/packed-refs"
    place.write_bytes(b"# pack-refs with: peeled fully-peeled sorted \n")
    with place.open("ab") as huge:
        huge.truncate(10 * 2**30)
    assert "has more than 256 MB" in refusal(lambda: run_read_only(project, "rev-parse", "HEAD"))


def end_less(path):
    with path.open("wb") as huge:
        huge.truncate(10 * 2**30)


@pytest.mark.parametrize("make", [os.mkfifo, end_less])
def test_a_list_of_ignored_files_that_settings_name_is_refused_as_well(project, make):
    make(project.parent / "excludes")
    command = ["git", "config", "core.excludesFile", "excludes"]
    subprocess.run(command, cwd=project, check=True)
    assert "excludes' " in refusal(open_repository(project).dirty)


def test_settings_may_name_no_list_of_ignored_files(project):
    command = ["git", "config", "core.excludesFile", os.devnull]
    subprocess.run(command, cwd=project, check=True)
    assert open_repository(project).dirty() == []


@pytest.mark.parametrize(
    "text",
    [
        "[include]\n\tpath = ../pipe\n",
        '[includeIf "gitdir:/"] path = "../pi\\\npe" # a comment\n',
        "[include]\n\tPath=more\n",
    ],
)
def test_a_pipe_that_settings_include_is_refused(project, text):
    os.mkfifo(project.parent / "pipe")
    git = project.parent / ".git"
    (git / "more").write_text("[include]\npath = more\n[include]\npath = ../pipe\n")
    with (git / "config").open("a") as config:
        config.write(text)
    assert "/pipe' is a pipe" in refusal(lambda: run_read_only(project, "rev-parse", "HEAD"))


def test_usual_settings_may_include_others(project):
    git = project.parent / ".git"
    (git / "more").write_text("[include]\npath = more\n[user]\nname = x\n")
    with (git / "config").open("a") as config:
        config.write(f"[include]\n\tpath = {os.devnull}\n\tpath = more\n\tpath = gone\n")
    (git / "config").write_text((git / "config").read_text().replace("path = more\n\t", ""))
    assert run_read_only(project, "rev-parse", "HEAD") is not None


def test_usual_repositories_are_read(project):
    (project / ".gitignore").write_text("ignored\n")
    (project / "ignored").write_text("text\n")
    (project / "nothing").symlink_to("gone")
    (project.parent / ".git/hooks/x").symlink_to("gone")
    assert open_repository(project).dirty() == [".gitignore", "nothing"]


def test_a_pipe_in_a_repository_inside_of_the_project_is_refused(project):
    subprocess.run(["git", "init", "-q", "inner"], cwd=project, check=True)
    assert open_repository(project).dirty() == ["inner/"]
    (project / "inner/.git/HEAD").unlink()
    os.mkfifo(project / "inner/.git/HEAD")
    assert "inner/.git/HEAD' is a pipe" in refusal(open_repository(project).dirty)
