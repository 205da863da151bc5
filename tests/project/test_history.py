"""The versions of a template, as a git repository."""

from scaffold.project.git import git
from scaffold.project.history import write_history
from scaffold.project.template import questions, shipped_versions

RELEASED = {"v1": "0ec92bc7a4714bff5fe43d3194d2b1086dc5e93d"}
"""Projects are made from these: they are never edited again. A change is a new folder."""


def commits(repository):
    lines = git(
        repository, "for-each-ref", "--format", "%(refname:short) %(objectname)", "refs/tags"
    )
    return dict(line.split() for line in lines.splitlines())


def test_every_version_has_a_tag_and_the_same_commit_every_time(tmp_path, monkeypatch):
    versions = shipped_versions("plugin")
    write_history(tmp_path / "one.git", versions)
    settings = tmp_path / "settings"
    settings.write_text("[core]\nautocrlf = true\n[commit]\ngpgSign = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    write_history(tmp_path / "other.git", versions)

    assert list(versions) == sorted(commits(tmp_path / "one.git"), key=lambda tag: int(tag[1:]))
    assert commits(tmp_path / "one.git") == commits(tmp_path / "other.git")


def test_a_released_version_is_as_it_was(tmp_path):
    write_history(tmp_path / "all.git", shipped_versions("plugin"))

    found = commits(tmp_path / "all.git")
    assert {version: found[version] for version in RELEASED} == RELEASED


def test_a_version_holds_the_files_of_its_folder(tmp_path):
    versions = shipped_versions("plugin")
    write_history(tmp_path / "all.git", versions)

    for version, folder in versions.items():
        listed = git(tmp_path / "all.git", "ls-tree", "-r", "-z", "--name-only", version)
        files = {
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        }
        assert set(listed.split("\0")) - {""} == files


def test_a_newer_version_asks_for_all_that_an_older_one_was_told():
    first, *later = shipped_versions("plugin").values()

    assert all(set(questions(first)) <= set(questions(each)) for each in later)
