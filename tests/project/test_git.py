"""Git, run on repositories that somebody else has set up."""

import ast
import os
import subprocess
from pathlib import Path

import pytest

from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.trees import Mode
from scaffold._project.git.git import clone, merge_files, run_isolated, run_read_only
from scaffold._project.git.repository import open_repository
from scaffold._project.git.revisions import extract_hookspecs, list_tree, read_files, resolve_object

ROOT = Path(__file__).parents[2]


def git(folder, *arguments, given=b""):
    options = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
    ended = subprocess.run(
        ["git", *options, *arguments], cwd=folder, check=True, capture_output=True, input=given
    )
    return ended.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with one committed file."""
    folder = tmp_path / "repository"
    (folder / "specs").mkdir(parents=True)
    (folder / "specs" / "v1.yaml").write_text("kind: demo\n")
    git(folder, "init", "-q", "-b", "main", ".")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def read(folder):
    def run(*arguments, given=b""):
        return run_read_only(folder, *arguments, given=given)

    return run


def listed(folder, name="HEAD"):
    return list_tree(read(folder), resolve_object(read(folder), name)[0], name)


def test_one_module_of_the_tools_starts_git():
    starts = {
        path.relative_to(ROOT).as_posix()
        for folder in ("_project", "_cli", "generator", "_filesystem")
        for path in (ROOT / "scaffold" / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import) and "subprocess" in {each.name for each in node.names}
    }

    assert starts == {"scaffold/_project/git/git.py"}


def test_nothing_that_a_repository_sets_up_is_run(repository, tmp_path):
    mark = tmp_path / "ran"
    program = f"touch {mark}; cat"
    (repository / ".gitattributes").write_text("* filter=x diff=x\n")
    for key in (
        "core.fsmonitor",
        "core.pager",
        "core.alternateRefsCommand",
        "diff.external",
        "diff.x.textconv",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
    ):
        git(repository, "config", key, program)
    # The file is newer than the index: git would have to filter it to compare.
    (repository / "specs" / "v1.yaml").write_text("kind: demo\n")
    os.utime(repository / "specs" / "v1.yaml", ns=(1, 2**62))

    opened = open_repository(repository)

    assert opened.dirty() == [".gitattributes"]
    assert set(read_files(read(repository), listed(repository))) == {"specs/v1.yaml"}
    assert not mark.exists()


@pytest.mark.parametrize("inside", [".", "plugin"])
def test_a_repository_that_is_committed_as_files_is_not_used(repository, inside):
    folder = repository / "plugin"
    (folder / "objects").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "plugin").mkdir()

    with pytest.raises(PreconditionError) as caught:
        run_read_only(folder / inside, "rev-parse", "HEAD")

    assert caught.value.code == "bare-repository"
    assert run_read_only(repository, "rev-parse", "HEAD") is not None


def test_an_object_that_is_missing_is_not_fetched(repository, tmp_path):
    mark = tmp_path / "ran"
    for key, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", str(repository)),
        ("remote.origin.promisor", "true"),
        ("remote.origin.uploadpack", f"touch {mark}; false"),
    ):
        git(repository, "config", key, value)
    name = git(repository, "rev-parse", "HEAD:specs/v1.yaml")
    (repository / ".git" / "objects" / name[:2] / name[2:]).unlink()

    with pytest.raises(PreconditionError) as caught:
        read_files(read(repository), listed(repository))

    assert caught.value.code == "revision"
    assert not mark.exists()


def test_the_environment_leads_to_no_other_repository(repository, tmp_path, monkeypatch):
    head = run_read_only(repository, "rev-parse", "HEAD")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path))

    assert run_read_only(repository, "rev-parse", "HEAD") == head


def test_personal_settings_do_not_decide_a_merge(tmp_path, monkeypatch):
    settings = tmp_path / "settings"
    settings.write_text("[merge]\n\tconflictStyle = diff3\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "merge.conflictStyle")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "zdiff3")
    for name in ("ours", "base", "theirs"):
        (tmp_path / name).write_text(f"{name}\n")

    merged, clean = merge_files(tmp_path, ("ours", "base", "theirs"), ("A", "B", "C"))

    assert (merged, clean) == (b"<<<<<<< A\nours\n=======\ntheirs\n>>>>>>> C\n", False)


def test_a_clone_has_the_persons_access_and_no_settings_of_the_source(
    repository, tmp_path, monkeypatch
):
    settings = tmp_path / "settings"
    settings.write_text(f'[url "{tmp_path}/"]\n\tinsteadOf = corp:\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    git(repository, "config", "core.fsmonitor", "touch ran")
    git(repository, "tag", "v1")

    clone("corp:repository", tmp_path / "copy.git")

    copied = f"--git-dir={tmp_path / 'copy.git'}"
    assert run_isolated(tmp_path, copied, "rev-parse", "v1") == run_read_only(
        repository, "rev-parse", "HEAD"
    )
    assert b"fsmonitor" not in (tmp_path / "copy.git" / "config").read_bytes()


@pytest.mark.parametrize("source", ["ext::sh -c true", "--upload-pack=true", "/nowhere/at/all"])
def test_a_source_that_git_cannot_read_is_refused_with_its_words(tmp_path, source):
    with pytest.raises(PreconditionError, match=r"cannot be fetched: .+") as caught:
        clone(source, tmp_path / "copy.git")

    assert caught.value.code == "template"


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for git is a shell script")
def test_a_git_that_is_too_old_or_not_at_an_absolute_path_is_refused(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho git version 2.29.9\n")
    program.chmod(0o755)

    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(PreconditionError, match=r"2\.29\.9") as old:
        run_read_only(tmp_path, "rev-parse")
    monkeypatch.chdir(program.parent)
    monkeypatch.setenv("PATH", ".")
    with pytest.raises(PreconditionError) as relative:
        run_read_only(program.parent, "rev-parse")

    assert (old.value.code, relative.value.code) == ("git-version", "no-git")


def tree(folder, *entries):
    """Write a tree as it is, whatever git thinks of it."""
    raw = b"".join(
        mode.encode() + b" " + name.encode() + b"\0" + bytes.fromhex(oid)
        for mode, name, oid in entries
    )
    return git(folder, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=raw)


def blob(folder, content):
    return git(folder, "hash-object", "-w", "--stdin", given=content)


def test_attributes_hide_and_change_nothing(repository):
    (repository / "specs" / ".gitattributes").write_text("* export-ignore export-subst eol=crlf\n")
    (repository / "specs" / "v1.yaml").write_text("kind: $Format:%H$\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "two")
    git(repository, "replace", "HEAD:specs/v1.yaml", blob(repository, b"kind: other\n"))

    found = read_files(read(repository), listed(repository))

    assert found["specs/v1.yaml"].content == b"kind: $Format:%H$\n"


def test_what_a_state_cannot_give_is_refused_and_never_left_out(repository, tmp_path):
    spec, out = blob(repository, b"kind: x\n"), blob(repository, b"../../secret.yaml")
    commit = git(repository, "rev-parse", "HEAD")
    inner = tree(repository, ("100644", "v1.yaml", spec))
    cases = {
        "twice": [("100644", "v1.yaml", spec), ("100644", "v1.yaml", spec)],
        "as a folder": [("120000", "a", out), ("40000", "a", inner)],
        "'..'": [("40000", "..", inner)],
        "into '.git'": [("40000", ".GIT", inner)],
        "the link 'v2.yaml'": [("120000", "v2.yaml", out)],
        "the link 'loop'": [("120000", "loop", blob(repository, b"loop"))],
        "a submodule": [("160000", "more", commit)],
        "16777216": [("100644", "v1.yaml", blob(repository, b" " * (2**24 + 1)))],
    }
    for reason, entries in cases.items():
        with pytest.raises(PreconditionError, match=reason) as caught:
            extract_hookspecs(
                read(repository), tree(repository, *entries), tmp_path / "out", "HEAD"
            )
        assert caught.value.code == "revision"
        assert not (tmp_path / "out").exists()


def test_links_inside_a_state_become_what_they_lead_to(repository, tmp_path):
    spec = blob(repository, b"kind: x\n")
    inner = tree(repository, ("100644", "v1.yaml", spec))
    whole = tree(
        repository,
        ("120000", "again", blob(repository, b"demo")),
        ("40000", "demo", inner),
        ("120000", "v1.yaml", blob(repository, b"again/v1.yaml")),
        ("120000", "README.md", blob(repository, b"/elsewhere")),
    )

    extract_hookspecs(read(repository), whole, tmp_path / "out", "HEAD")

    files = {
        path.relative_to(tmp_path / "out").as_posix(): path
        for path in tmp_path.rglob("v1.yaml")
        if path.is_relative_to(tmp_path / "out")
    }
    assert set(files) == {"again/v1.yaml", "demo/v1.yaml", "v1.yaml"}
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))


def test_a_state_is_the_hookspecs_that_its_settings_name(repository, tmp_path):
    spec = blob(repository, b"kind: x\n")
    settings = blob(repository, b'[tool.scaffold]\nhookspecs = "specs"\ntargets = []\n')
    inner = tree(repository, ("100644", "v1.yaml", spec))
    whole = tree(
        repository,
        ("120000", "elsewhere", blob(repository, b"/etc")),
        ("160000", "module", git(repository, "rev-parse", "HEAD")),
        ("100644", "pyproject.toml", settings),
        ("40000", "specs", inner),
    )

    extract_hookspecs(read(repository), whole, tmp_path / "out", "HEAD")

    found = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"pyproject.toml", "v1.yaml"}


@pytest.mark.parametrize("name", ["nowhere", "--help", "HEAD\nHEAD", "HEAD:nowhere", ""])
def test_a_name_that_is_none_is_no_object(repository, name):
    assert resolve_object(read(repository), name) is None


def test_changes_that_git_is_told_not_to_show_are_seen(repository):
    (repository / "other.txt").write_text("mine\n")
    git(repository, "config", "status.showUntrackedFiles", "no")
    git(repository, "update-index", "--assume-unchanged", "specs/v1.yaml")
    (repository / "specs" / "v1.yaml").write_text("kind: else\n")

    assert open_repository(repository).dirty() == ["other.txt", "specs/v1.yaml"]


def test_a_checkout_with_other_line_ends_is_clean(repository):
    (repository / "specs" / "v1.yaml").write_bytes(b"kind: demo\r\n")

    assert open_repository(repository).dirty() == []


def test_a_file_that_a_sparse_checkout_leaves_out_is_clean(repository):
    git(repository, "update-index", "--skip-worktree", "specs/v1.yaml")
    (repository / "specs" / "v1.yaml").unlink()
    opened = open_repository(repository)

    assert opened.dirty() == []
    assert opened.tracked["specs/v1.yaml"].skipped


def test_what_is_staged_removed_or_of_another_kind_is_not_clean(repository):
    (repository / "link").symlink_to("specs")
    (repository / "run").write_text("#!/bin/sh\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "two")
    assert open_repository(repository).dirty() == []
    assert open_repository(repository).tracked["link"].mode is Mode.LINK

    (repository / "link").unlink()
    (repository / "link").symlink_to("else")
    (repository / "run").chmod(0o755)
    (repository / "specs" / "v1.yaml").unlink()
    (repository / "staged").write_text("")
    git(repository, "add", "staged")

    assert open_repository(repository).dirty() == ["link", "run", "specs/v1.yaml", "staged"]


def test_a_repository_whose_settings_name_another_folder_is_refused(repository, tmp_path):
    (tmp_path / "victim").mkdir()
    git(repository, "config", "core.worktree", str(tmp_path / "victim"))

    with pytest.raises(PreconditionError) as caught:
        open_repository(repository)

    assert caught.value.code == "not-in-git"
