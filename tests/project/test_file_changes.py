"""What has to change on disk, found out before anything is touched."""

import pytest

from scaffold._project.config.errors import PreconditionError
from scaffold._project.config.settings import Targets
from scaffold._project.files.atomic_write import apply_changes
from scaffold._project.files.file_changes import State, compare_files, resolve_path, unified_diff
from scaffold._project.files.lockfile import Entry, Lock, Owner, digest


def lock(**files):
    return Lock(
        files={path: Entry(Owner.GENERATED, digest(text.encode())) for path, text in files.items()}
    )


def states(root, wanted, known):
    return {change.path: change.state for change in compare_files(root, wanted, known)}


def test_a_file_that_is_not_there_is_missing(tmp_path):
    assert states(tmp_path, {"a": "1"}, Lock()) == {"a": State.MISSING}


def test_a_file_as_wanted_is_unchanged_even_if_no_lock_knows_it(tmp_path):
    (tmp_path / "a").write_text("1")

    assert states(tmp_path, {"a": "1"}, Lock()) == {"a": State.UNCHANGED}


def test_a_file_as_scaffold_wrote_it_is_outdated_when_another_is_wanted(tmp_path):
    (tmp_path / "a").write_text("1")

    assert states(tmp_path, {"a": "2"}, lock(a="1")) == {"a": State.OUTDATED}


def test_a_file_that_is_not_as_scaffold_wrote_it_was_edited(tmp_path):
    (tmp_path / "a").write_text("mine")

    assert states(tmp_path, {"a": "2"}, lock(a="1")) == {"a": State.EDITED}


def test_a_file_that_scaffold_never_wrote_counts_as_edited(tmp_path):
    (tmp_path / "a").write_text("mine")

    assert states(tmp_path, {"a": "2"}, Lock()) == {"a": State.EDITED}


def test_a_file_no_longer_wanted_is_stale_only_if_the_lock_lists_it(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")

    assert states(tmp_path, {}, lock(a="1")) == {"a": State.STALE}


def test_a_stale_file_with_an_edit_is_not_to_be_removed(tmp_path):
    (tmp_path / "a").write_text("mine")

    assert states(tmp_path, {}, lock(a="1")) == {"a": State.EDITED}


def test_a_stale_file_that_is_gone_is_no_change(tmp_path):
    assert states(tmp_path, {}, lock(a="1")) == {"a": State.UNCHANGED}


def test_other_line_endings_are_told_from_an_edit(tmp_path):
    (tmp_path / "a").write_bytes(b"1\r\n2\r\n")

    assert states(tmp_path, {"a": "1\n2\n"}, Lock()) == {"a": State.LINE_ENDINGS}


def test_a_checkout_with_other_line_endings_is_no_edit_when_the_text_changes(tmp_path):
    (tmp_path / "a").write_bytes(b"1\r\n")

    assert states(tmp_path, {"a": "2\n"}, lock(a="1\n")) == {"a": State.OUTDATED}


def test_files_of_other_owners_are_none_of_its_business(tmp_path):
    (tmp_path / "a").write_text("mine")
    known = Lock(files={"a": Entry(Owner.USER, "0"), "b": Entry(Owner.TEMPLATE, "0")})

    assert compare_files(tmp_path, {}, known) == ()


def test_a_link_that_leads_out_of_the_project_is_refused(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (project / "docs").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PreconditionError, match="'docs/a' leads out of the project"):
        compare_files(project, {"docs/a": "1"}, Lock())


@pytest.mark.parametrize("path", ["../a", "/a", "docs/../../a"])
def test_a_path_that_leads_out_of_the_project_is_refused(tmp_path, path):
    with pytest.raises(PreconditionError, match="leads out of the project"):
        compare_files(tmp_path, {path: "1"}, Lock())


def test_a_folder_where_a_file_should_be_is_refused(tmp_path):
    (tmp_path / "a").mkdir()

    with pytest.raises(PreconditionError, match="is in the way"):
        compare_files(tmp_path, {"a": "1"}, Lock())


def test_a_file_where_a_folder_should_be_is_refused(tmp_path):
    (tmp_path / "a").write_text("1")

    with pytest.raises(PreconditionError, match="is in the way"):
        compare_files(tmp_path, {"a/b": "1"}, Lock())


def test_the_diff_shows_what_is_created_changed_and_removed(tmp_path):
    (tmp_path / "changed").write_text("one\ntwo\n")
    (tmp_path / "stale").write_text("old")
    wanted = {"changed": "one\n2\n", "new ä": "hello\n"}
    changes = compare_files(tmp_path, wanted, lock(changed="one\ntwo\n", stale="old"))

    assert "".join(unified_diff(changes)) == (
        "--- a/changed\n+++ b/changed\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
        "--- /dev/null\n+++ b/new ä\n@@ -0,0 +1 @@\n+hello\n"
        "--- a/stale\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n\\ No newline at end of file\n"
    )


def test_the_diff_shows_line_endings_and_cuts_only_at_newlines(tmp_path):
    (tmp_path / "a").write_bytes(b"1\x0c2\r\n")

    assert "".join(unified_diff(compare_files(tmp_path, {"a": "1\x0c2\n"}, Lock()))) == (
        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\x0c2\\r\n+1\x0c2\n"
    )


@pytest.mark.parametrize("path", ["..", "a/..", "a/../..", "../b", "a/../../b"])
def test_a_path_that_steps_out_of_the_project_is_refused_whatever_it_ends_in(tmp_path, path):
    root = tmp_path / "project"
    (root / "a").mkdir(parents=True)
    if (root / path).resolve() == root:
        assert resolve_path(root, path) == root
        return
    with pytest.raises(PreconditionError, match="leads out of the project"):
        resolve_path(root, path)


TARGETS = Targets(("gen", "docs"), ("tests/test_contract.py",))


def lay(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("1")
    return Lock(files={path: Entry(Owner.GENERATED, digest(b"1")) for path in paths})


def test_only_files_in_target_folders_are_stale(tmp_path):
    known = lay(
        tmp_path, "gen/a", "docs/b/c", "src/app.py", "generated.py", "tests/test_contract.py"
    )

    found = {change.path: change.state for change in compare_files(tmp_path, {}, known, TARGETS)}

    assert found == {
        "gen/a": State.STALE,
        "docs/b/c": State.STALE,
        "tests/test_contract.py": State.STALE,
        "src/app.py": State.LEFT,
        "generated.py": State.LEFT,
    }
    apply_changes(tmp_path, compare_files(tmp_path, {}, known, TARGETS))
    assert (tmp_path / "src" / "app.py").exists()
    assert not (tmp_path / "gen").exists()


def test_where_the_project_is_a_target_only_names_of_emitters_are_stale(tmp_path):
    known = lay(tmp_path, "tool_v1/models.py", "tool_v1.md", "plugin.py", "pyproject.toml")

    found = {each.path: each.state for each in compare_files(tmp_path, {}, known, Targets((".",)))}

    assert [path for path, state in found.items() if state is State.STALE] == [
        "tool_v1.md",
        "tool_v1/models.py",
    ]


def test_what_the_lock_lists_elsewhere_and_is_gone_is_no_change(tmp_path):
    known = Lock(files={"src/app.py": Entry(Owner.GENERATED, "0")})

    assert compare_files(tmp_path, {}, known, TARGETS) == ()


def test_a_link_from_a_target_to_a_file_of_the_author_is_refused(tmp_path):
    lay(tmp_path, "src/app.py", "gen/x")
    (tmp_path / "gen" / "a").symlink_to("../src/app.py")
    (tmp_path / "gen" / "folder").symlink_to("../src")
    known = lock(**{"gen/a": "1"})

    for wanted in ({"gen/a": "2"}, {"gen/folder/app.py": "2"}, {}):
        with pytest.raises(PreconditionError, match=r"'src/app.py', which is not a generated file"):
            compare_files(
                tmp_path, wanted, known if "gen/a" in wanted or not wanted else Lock(), TARGETS
            )


def test_a_target_folder_that_is_a_link_within_the_project_is_filled(tmp_path):
    lay(tmp_path, "lib/x")
    (tmp_path / "gen").symlink_to("lib")

    apply_changes(tmp_path, compare_files(tmp_path, {"gen/a": "2"}, Lock(), TARGETS))

    assert (tmp_path / "lib" / "a").read_text() == "2"


@pytest.mark.parametrize("path", [".git/hooks/x", "a/.GIT/x", ".scaffold/journal", "git~1/x"])
def test_nothing_is_generated_into_folders_of_git_and_of_scaffold(tmp_path, path):
    with pytest.raises(PreconditionError, match="leads into"):
        compare_files(tmp_path, {path: "1"}, Lock())


def test_a_link_into_git_is_refused_whatever_leads_there(tmp_path):
    (tmp_path / ".git" / "hooks").mkdir(parents=True)
    (tmp_path / "gen").symlink_to(".git/hooks")

    with pytest.raises(PreconditionError, match=r"leads into '\.git'"):
        compare_files(tmp_path, {"gen/post-checkout": "1"}, Lock(), TARGETS)
    assert list((tmp_path / ".git" / "hooks").iterdir()) == []
