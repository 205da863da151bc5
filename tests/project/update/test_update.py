"""`scaffold update`: a newer template, merged into projects with a past."""

import json
import shutil

import pytest
from aged_projects import commit, git, history, make, texts, write_history

from scaffold._project.template.template import bundled_versions

NEWEST = list(bundled_versions("plugin"))[-1]


def replace(path, old, new):
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


def test_a_project_of_the_first_template_gets_the_newest(scaffold, demo):
    before = texts(demo)

    result = scaffold("update", demo)

    assert (result.status, result.out) == (0, "")
    assert f"template v1 -> {NEWEST}\n" in result.err
    after = texts(demo)
    assert {path for path in after if after[path] != before.get(path)} == {
        ".copier-answers.yml",
        ".editorconfig",
        ".gitattributes",
        ".github/workflows/check.yml",
        "README.md",
        "scaffold.lock",
    }
    assert b"-merge" in after[".gitattributes"]
    assert scaffold("check", demo).status == 0


def test_an_updated_project_is_what_a_new_one_would_be(updated, tmp_path):
    fresh = make(tmp_path / "new" / "demo", "tool", version=NEWEST)

    assert texts(updated) == texts(fresh)


def test_an_update_to_what_is_there_changes_nothing(scaffold, updated):
    commit(updated)

    result = scaffold("update", updated)

    assert (result.status, result.err) == (0, f"template {NEWEST}: up to date\n")
    assert git(updated, "status", "--porcelain") == ""
    assert scaffold("update", updated, "--check").status == 0


def test_a_preview_writes_nothing(scaffold, demo):
    before = texts(demo)

    checked = scaffold("update", demo, "--check")
    shown = scaffold("update", demo, "--diff")

    assert (checked.status, shown.status) == (1, 1)
    assert ".editorconfig: missing\n" in checked.out
    assert "README.md: outdated\n" in checked.out
    assert "+++ b/.editorconfig\n" in shown.out
    assert texts(demo) == before
    assert git(demo, "status", "--porcelain") == ""


def test_what_the_author_wrote_into_a_template_file_stays(scaffold, demo):
    replace(demo / "README.md", "# demo\n", "# demo\n\nWritten by me.\n")
    replace(demo / "pyproject.toml", '"pytest>=8"', '"pytest>=8", "hypothesis"')
    mine = (demo / "pyproject.toml").read_bytes()
    commit(demo)

    assert scaffold("update", demo).status == 0

    readme = (demo / "README.md").read_text()
    assert "Written by me." in readme
    assert "## Later" in readme
    assert (demo / "pyproject.toml").read_bytes() == mine


def test_a_file_that_the_author_deleted_stays_deleted(scaffold, demo):
    (demo / ".github" / "workflows" / "check.yml").unlink()
    commit(demo)

    assert scaffold("update", demo).status == 0
    assert not (demo / ".github" / "workflows" / "check.yml").exists()


def test_a_file_that_both_added_is_a_conflict_and_none_is_lost(scaffold, demo):
    (demo / ".editorconfig").write_text("root = false\n")
    commit(demo)

    result = scaffold("update", demo)

    text = (demo / ".editorconfig").read_text()
    assert result.status == 3
    assert "conflict in .editorconfig\n" in result.err
    assert "root = false\n" in text
    assert "root = true\n" in text


def conflict(demo):
    replace(
        demo / "README.md", "from scaffold's; commit it.\n", "from scaffold's. Commit it, always.\n"
    )
    replace(demo / ".gitattributes", "docs/** linguist-generated", "docs/** linguist-documentation")
    commit(demo)


def test_conflicts_end_in_3_with_both_sides_present(scaffold, demo):
    conflict(demo)

    result = scaffold("update", demo)

    assert result.status == 3
    assert "conflict in .gitattributes\nconflict in README.md\n" in result.err
    assert "--abort" in result.err
    attributes = (demo / ".gitattributes").read_text()
    assert "docs/** linguist-documentation\n" in attributes
    assert "docs/tool_v* linguist-generated -merge\n" in attributes
    assert "<<<<<<< before updating\n" in attributes
    assert scaffold("generate", demo, "--check").status == 0


def test_an_update_that_waits_is_not_made_again_but_can_be_taken_back(scaffold, demo):
    conflict(demo)
    before = texts(demo)
    scaffold("update", demo)

    again = scaffold("update", demo)
    assert (again.status, again.err.partition(":")[0]) == (4, "unresolved")

    aborted = scaffold("update", demo, "--abort")
    assert aborted.status == 0
    assert "restored README.md\n" in aborted.err
    assert texts(demo) == before
    assert git(demo, "status", "--porcelain") == ""
    assert scaffold("update", demo, "--abort").status == 4


def test_a_record_that_came_with_the_repository_is_not_followed(scaffold, demo):
    """An unpacked archive may bring git's own folder, with a record that removes files."""
    conflict(demo)
    scaffold("update", demo)
    (record,) = (demo / ".git").glob("scaffold-update-*")
    record.write_text(record.read_text().replace('"files":{', '"files":{"demo/plugin.py":null,'))
    before = texts(demo)

    result = scaffold("update", demo, "--abort")

    assert (result.status, result.err.partition(":")[0]) == (4, "no-update")
    assert "was not written by this user on this machine" in result.err
    assert texts(demo) == before
    assert scaffold("update", demo, "--check").err.partition(":")[0] == "dirty"


def test_an_update_that_is_committed_is_not_taken_back(scaffold, updated):
    commit(updated)
    before = texts(updated)

    result = scaffold("update", updated, "--abort")

    assert (result.status, result.err.partition(":")[0]) == (4, "no-update")
    assert texts(updated) == before


def test_a_conflict_in_the_settings_stops_nothing_but_generating(scaffold, demo, third):
    replace(demo / "pyproject.toml", '"pytest>=8"', '"pytest>=9"')
    commit(demo)
    replace(third / "template" / "pyproject.toml.jinja", '"pytest>=8"', '"pytest>=8.4"')

    result = scaffold("update", demo, "--template", history(third))

    assert result.status == 3
    assert "conflict in pyproject.toml\n" in result.err
    assert "run 'scaffold generate'" in result.err
    assert scaffold("update", demo, "--abort").status == 0
    assert git(demo, "status", "--porcelain") == ""


def test_another_repository_of_the_template_is_remembered(scaffold, demo, third):
    (third / "template" / "NEWS").write_text("new\n")
    source = history(third)

    assert scaffold("update", demo, "--template", source).status == 0
    assert (demo / "NEWS").read_text() == "new\n"
    assert f"_src_path: {source}\n" in (demo / ".copier-answers.yml").read_text()
    commit(demo)
    assert scaffold("update", demo).err == "template v3: up to date\n"


def test_a_file_that_the_template_gave_up_goes_unless_somebody_edited_it(scaffold, updated, third):
    replace(updated / ".gitignore", ".venv/", ".venv/\nmine/")
    commit(updated)
    (third / "template" / ".gitignore.jinja").unlink()
    (third / "template" / ".editorconfig").unlink()

    result = scaffold("update", updated, "--template", history(third))

    assert (result.status, "conflict in .gitignore\n" in result.err) == (3, True), result.err
    assert "mine/" in (updated / ".gitignore").read_text()
    assert not (updated / ".editorconfig").exists()


def test_a_version_can_be_asked_for(scaffold, demo, third):
    source = history(third)

    assert "template v1 -> v2\n" in scaffold("update", demo, "--to", "v2", "--template", source).err
    missing = scaffold("update", demo, "--abort") and scaffold("update", demo, "--to", "v9")
    assert (missing.status, "there is: 'v1', 'v2', 'v2.1'" in missing.err) == (4, True)


def test_a_template_without_the_version_of_the_project_is_refused(scaffold, demo, tmp_path):
    write_history(tmp_path / "other.git", {"v7": bundled_versions("plugin")["v1"]})
    replace(demo / ".copier-answers.yml", "_commit: v1\n", "_commit: v1.5\n")
    commit(demo)
    before = texts(demo)

    result = scaffold("update", demo, "--template", tmp_path / "other.git")

    assert (result.status, result.err.partition(":")[0]) == (4, "template"), result.err
    assert "no version 'v1.5'" in result.err
    assert texts(demo) == before


def test_a_project_of_the_second_template_gets_pinned_actions(scaffold, tmp_path):
    project = make(tmp_path / "demo", "tool", version="v2")
    workflow = project / ".github" / "workflows" / "check.yml"
    replace(workflow, "timeout-minutes: 10", "timeout-minutes: 30")
    commit(project)

    result = scaffold("update", project)

    assert (result.status, f"template v2 -> {NEWEST}\n" in result.err) == (0, True), result.err
    text = workflow.read_text()
    assert "persist-credentials: false" in text
    assert "checkout@v4" not in text
    assert "timeout-minutes: 30" in text


@pytest.mark.parametrize("tags", [("v1", "v3"), ("v3",)])
def test_a_project_of_a_bundled_template_is_merged_from_that_template(scaffold, demo, third, tags):
    """The repository has another text under the tag of the project's version, or lacks the tag."""
    replace(third / "template" / "README.md.jinja", "## Later", "## Much later")
    write_history(third.with_name("ours.git"), dict.fromkeys(tags, third))

    result = scaffold("update", demo, "--template", third.with_name("ours.git"))

    assert (result.status, "template v1 -> v3\n" in result.err) == (0, True), result.err
    assert "## Much later" in (demo / "README.md").read_text()
    assert (demo / ".editorconfig").exists()


def test_a_file_that_the_template_has_moved_takes_the_authors_edits_along(scaffold, demo, third):
    replace(demo / "demo" / "__main__.py", "import", "# mine\nimport")
    commit(demo)
    moved = third / "template" / "{{package}}" / "{% if served %}serve.py{% endif %}.jinja"
    (third / "template" / "{{package}}" / "{% if served %}__main__.py{% endif %}.jinja").rename(
        moved
    )
    (third / "copier.yml").write_text(
        (third / "copier.yml").read_text()
        + "_moves:\n  '{{package}}/__main__.py': '{{package}}/serve.py'\n"
    )

    result = scaffold("update", demo, "--template", history(third))

    assert result.status == 0, result.err
    assert "# mine" in (demo / "demo" / "serve.py").read_text()
    assert not (demo / "demo" / "__main__.py").exists()


def test_the_migrations_of_others_are_not_run(scaffold, demo, third):
    text = (third / "copier.yml").read_text()
    (third / "copier.yml").write_text(f"{text}_migrations:\n  - touch migrated\n")
    before = texts(demo)

    result = scaffold("update", demo, "--template", history(third))

    assert (result.status, result.err.partition(":")[0]) == (4, "template"), result.err
    assert texts(demo) == before


def test_the_answers_stay_and_name_no_place_of_this_machine(first_project, updated, tmp_path):
    before = (first_project / ".copier-answers.yml").read_text()

    after = (updated / ".copier-answers.yml").read_text()
    assert after == before.replace("_commit: v1", f"_commit: {NEWEST}")
    assert str(tmp_path) not in after


@pytest.mark.parametrize("state", ["no git", "no commit", "edited", "untracked", "merge", "rebase"])
def test_a_repository_that_is_not_ready_is_refused_with_what_to_do(scaffold, demo, state):
    codes = {
        "no git": "not-in-git",
        "no commit": "no-commit",
        "edited": "dirty",
        "untracked": "dirty",
        "merge": "unfinished",
        "rebase": "unfinished",
    }
    if state in ("no git", "no commit"):
        shutil.rmtree(demo / ".git")
    if state == "no commit":
        git(demo, "init", "-q", ".")
    if state == "edited":
        replace(demo / "README.md", "# demo", "# Demo")
    if state == "untracked":
        (demo / "mine").touch()
    if state == "merge":
        git(demo, "checkout", "-q", "-b", "other")
        replace(demo / "README.md", "# demo", "# theirs")
        commit(demo)
        git(demo, "checkout", "-q", "main")
        replace(demo / "README.md", "# demo", "# ours")
        commit(demo)
        git(demo, "merge", "other")
    if state == "rebase":
        (demo / ".git" / "rebase-merge").mkdir()
    before = texts(demo)

    for option in ("--check", "--diff", "--to=v2"):
        result = scaffold("update", demo, option)
        assert (result.status, result.err.partition(":")[0]) == (4, codes[state])
        assert "  help: " in result.err

    assert texts(demo) == before


def test_a_generated_file_that_was_edited_stops_an_update(scaffold, demo):
    replace(demo / "docs" / "tool_v1.md", "# ", "# My ")
    commit(demo)
    before = texts(demo)

    result = scaffold("update", demo)

    assert (result.status, result.err.partition(":")[0]) == (4, "hand-edited")
    assert texts(demo) == before


def test_what_no_template_made_is_refused(scaffold, demo, tmp_path):
    assert scaffold("update", tmp_path / "nowhere").err.startswith("no-project")
    (demo / ".copier-answers.yml").unlink()
    commit(demo)
    assert scaffold("update", demo).err.startswith("no-template")
    (demo / "pyproject.toml").unlink()
    commit(demo)
    assert scaffold("update", demo).err.startswith("no-project")


def test_options_that_contradict_each_other_are_refused(scaffold, demo):
    assert scaffold("update", demo, "--abort", "--check").status == 2


def test_line_endings_of_a_checkout_stay(scaffold, demo):
    for path in (demo / "README.md", demo / ".gitattributes", demo / "pyproject.toml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    git(demo, "config", "core.autocrlf", "true")
    git(demo, "add", "--all")
    assert git(demo, "status", "--porcelain") == ""
    untouched = (demo / "pyproject.toml").read_bytes()

    assert scaffold("update", demo).status == 0

    readme = (demo / "README.md").read_bytes()
    assert b"## Later\r\n" in readme
    assert readme.count(b"\n") == readme.count(b"\r\n")
    assert (demo / "pyproject.toml").read_bytes() == untouched


def test_a_project_in_a_folder_of_a_repository_with_spaces_and_other_alphabets(scaffold, tmp_path):
    root = tmp_path / "mein Ordner" / "проект"
    for name in ("one", "two"):
        make(root / "plug ins" / name, "tool", version="v1")
    commit(root)
    other = texts(root / "plug ins" / "two")
    (root / "notes.txt").write_text("not committed, and not of the project")

    assert scaffold("update", root / "plug ins" / "one").status == 0

    assert texts(root / "plug ins" / "two") == other
    assert (root / "plug ins" / "one" / ".editorconfig").is_file()
    assert scaffold("update", root / "plug ins" / "two", "--abort").status == 4
    assert scaffold("update", root / "plug ins" / "one", "--abort").status == 0
    assert git(root, "status", "--porcelain") == "?? notes.txt\n"


def test_status_tells_what_is_behind_and_what_to_do(scaffold, demo, tmp_path):
    scaffold("new-plugin", "fresh", "--kind", "tool", "--defaults", "-o", tmp_path / "more")
    replace(demo / "hookspecs" / "tool" / "v1.yaml", "Run one function.", "Run a function.")

    behind = scaffold("status", "-r", tmp_path)
    fine = scaffold("status", tmp_path / "more" / "fresh", "--json")

    assert (behind.status, fine.status) == (1, 0), behind.out
    assert f"scaffold:plugin v1  (there is {NEWEST}: 'scaffold update')\n" in behind.out
    assert "to write: 'scaffold generate')\n" in behind.out
    assert f"{tmp_path}/more/fresh\n" in behind.out
    (project,) = json.loads(fine.out)
    assert project["contract"] == {"found": "tool 1.0.0", "due": ""}
    assert project["template"] == {"found": f"scaffold:plugin {NEWEST}", "due": ""}


def test_status_of_a_broken_project_says_so_and_goes_on(scaffold, demo):
    (demo / "hookspecs" / "tool" / "v1.yaml").write_text("kind: [")

    result = scaffold("status", demo)

    assert result.status == 1
    assert "contract   unknown  (" in result.out
    assert "template   scaffold:plugin v1" in result.out


def test_status_of_no_project_is_refused(scaffold, tmp_path):
    assert scaffold("status", tmp_path).status == 4
    assert scaffold("status", "-r", tmp_path).err.startswith("no-project")


def test_status_judges_what_a_newer_contract_would_mean(scaffold, demo, tmp_path):
    shutil.copytree(demo / "hookspecs", tmp_path / "newer")
    spec = tmp_path / "newer" / "tool" / "v1.yaml"
    replace(spec, '"1.0.0"', '"1.1.0"')
    spec.write_text(
        spec.read_text().rstrip()
        + "\n  - name: forget\n    dispatch: broadcast_notify\n    description: Forget it.\n"
    )

    exposed = scaffold("status", demo, "--hookspecs", tmp_path / "newer")

    assert "exposure   1.1.0 is " in exposed.out
    assert "for hosts" in exposed.out
    assert "(see 'scaffold diff')\n" in exposed.out
    assert "exposure   the newest contract that is known\n" in scaffold("status", demo).out
