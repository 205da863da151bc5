"""`scaffold update`: files of every kind, and templates of others."""

import json
import os
import shutil

import pytest
from aged_projects import commit, git, history, texts

from scaffold._project.template.sources import is_allowed, permissions_file
from scaffold._project.template.template import bundled_versions

pytestmark = pytest.mark.ci

NEWEST = list(bundled_versions("plugin"))[-1]


@pytest.fixture
def project(updated):
    """A committed project of the second version."""
    commit(updated)
    return updated


@pytest.fixture
def new_file(third):
    """The third version brings a file NOTES, and changes the README."""
    (third / "template" / "NOTES").write_text("of the template\n")
    readme = third / "template" / "README.md.jinja"
    readme.write_text(readme.read_text() + "\nThe third version.\n")
    return third


def test_a_file_that_git_ignores_is_never_overwritten(scaffold, project, new_file):
    (project / ".git" / "info" / "exclude").write_text("NOTES\n")
    (project / "NOTES").write_text("MINE\n")

    result = scaffold("update", project, "--template", history(new_file))

    assert (result.status, (project / "NOTES").read_text()) == (3, "MINE\n")
    assert "conflict in NOTES: git does not track your file" in result.err
    assert "The third version." in (project / "README.md").read_text()
    assert scaffold("update", project, "--abort").status == 0
    assert (project / "NOTES").read_text() == "MINE\n"


def test_a_file_that_git_ignores_and_nobody_edited_is_updated(scaffold, project, third):
    git(project, "rm", "-q", "--cached", ".editorconfig")
    (project / ".gitignore").write_text((project / ".gitignore").read_text() + ".editorconfig\n")
    commit(project)
    file = third / "template" / ".editorconfig"
    file.write_text(file.read_text() + "# the third\n")

    assert scaffold("update", project, "--template", history(third)).status == 0
    assert (project / ".editorconfig").read_text().endswith("# the third\n")


def test_a_file_behind_a_link_in_the_project_is_updated_where_it_is(scaffold, project, new_file):
    (project / "pages").mkdir()
    (project / "README.md").rename(project / "pages" / "README.md")
    (project / "README.md").symlink_to("pages/README.md")
    commit(project)

    assert scaffold("update", project, "--template", history(new_file)).status == 0

    assert (project / "README.md").is_symlink()
    assert "The third version." in (project / "pages" / "README.md").read_text()


def test_a_link_that_leaves_the_project_is_a_conflict_and_nothing_is_written_through_it(
    scaffold, project, new_file, tmp_path
):
    outside = tmp_path / "outside.md"
    (project / "README.md").rename(outside)
    (project / "README.md").symlink_to(outside)
    commit(project)
    before = outside.read_bytes()

    result = scaffold("update", project, "--template", history(new_file))

    assert (result.status, outside.read_bytes()) == (3, before)
    assert "conflict in README.md: its place in the project leads out of the project" in result.err


@pytest.mark.parametrize("path", ["scaffold.lock", ".copier-answers.yml"])
def test_what_scaffold_writes_is_not_written_through_a_link(
    scaffold, project, new_file, tmp_path, path
):
    outside = tmp_path / "outside"
    (project / path).rename(outside)
    (project / path).symlink_to(outside)
    commit(project)
    before = outside.read_bytes()

    result = scaffold("update", project, "--check", "--template", history(new_file))

    assert (result.status, outside.read_bytes()) == (4, before)
    assert result.err.startswith("outside:")


def test_submodules_and_sparse_checkouts_stay_as_they_are(scaffold, project, new_file, tmp_path):
    (tmp_path / "lib").mkdir()
    commit(tmp_path / "lib")
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", tmp_path / "lib")
    (project / "big").mkdir()
    (project / "big" / "file").write_text("large\n")
    commit(project)
    git(project, "sparse-checkout", "set", "--no-cone", "/*", "!/big/", "!/README.md")

    result = scaffold("update", project, "--template", history(new_file))

    assert result.status == 3
    assert "conflict in README.md: a sparse checkout leaves it out\n" in result.err
    assert (project / "NOTES").is_file()
    assert not (project / "big").exists()
    assert not (project / "README.md").exists()


def test_a_path_in_a_submodule_is_not_written(scaffold, project, third, tmp_path):
    (tmp_path / "lib").mkdir()
    commit(tmp_path / "lib")
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", tmp_path / "lib")
    commit(project)
    (third / "template" / "lib").mkdir()
    (third / "template" / "lib" / "NOTES").write_text("of the template\n")

    result = scaffold("update", project, "--template", history(third))

    assert result.status == 3
    assert "conflict in lib/NOTES: 'lib' is a submodule\n" in result.err
    assert not (project / "lib" / "NOTES").exists()


@pytest.mark.skipif(os.name != "posix", reason="there are no executable bits")
def test_a_file_becomes_a_program_and_can_be_taken_back(scaffold, project, third):
    script = third / "template" / ".editorconfig"
    script.chmod(0o755)
    (third / "template" / "run").write_text("#!/bin/sh\n")
    (third / "template" / "run").chmod(0o755)
    source = history(third)

    shown = scaffold("update", project, "--diff", "--template", source)
    assert "old mode 100644\nnew mode 100755\n" in shown.out
    assert scaffold("update", project, "--template", source).status == 0
    assert os.access(project / ".editorconfig", os.X_OK)
    assert os.access(project / "run", os.X_OK)

    assert scaffold("update", project, "--abort").status == 0
    assert not os.access(project / ".editorconfig", os.X_OK)
    assert git(project, "status", "--porcelain") == ""


def test_settings_of_git_do_not_decide_an_update(
    scaffold, project, new_file, tmp_path, monkeypatch
):
    hook = tmp_path / "hooks" / "pre-commit"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\nexit 1\n")
    hook.chmod(0o755)
    attributes = tmp_path / "config" / "git" / "attributes"
    attributes.parent.mkdir(parents=True)
    attributes.write_text("* text=auto eol=crlf\n")
    source = history(new_file)
    settings = {"commit.gpgSign": "true", "core.hooksPath": str(hook.parent), "core.eol": "crlf"}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_QUARANTINE_PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    assert scaffold("update", project, "--template", source).status == 0
    assert (project / "NOTES").read_bytes() == b"of the template\n"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{% if x %}", "line 1: TemplateSyntaxError: "),
        ("one\n{{ nothere }}", "line 2: UndefinedError: 'nothere' is undefined"),
        ("{{ name | nofilter }}", "line 1: TemplateAssertionError: No filter named 'nofilter'"),
        ("{% include 'gone' %}", "line 1: TemplateNotFound: 'gone' not found"),
        ("\n\n{{ 1 / 0 }}", "line 3: ZeroDivisionError: "),
        ("{{ '/etc/*' | fileglob }}", "line 1: ValueError: the filter 'fileglob' would tell"),
        ("{{ '$HOME' | expandvars }}", "line 1: ValueError: the filter 'expandvars' would tell"),
    ],
)
def test_errors_of_a_template_are_told_with_file_and_line(scaffold, project, third, text, reason):
    (third / "template" / "README.md.jinja").write_text(text)
    before = texts(project)

    result = scaffold("update", project, "--template", history(third))

    assert (result.status, result.err.partition(":")[0]) == (4, "template")
    assert f"v3, 'template/README.md.jinja', {reason}" in result.err
    assert "scaffold-update-" not in result.err
    assert texts(project) == before


def test_a_broken_configuration_of_a_template_is_told_without_a_banner(scaffold, project, third):
    (third / "copier.yml").write_text("_subdirectory: template\nname: [\n")

    result = scaffold("update", project, "--template", history(third))

    assert (result.status, result.err.partition(":")[0]) == (4, "template")
    assert "'copier.yml', line 3" in result.err
    assert "INVALID" not in result.err


@pytest.mark.parametrize(
    "name",
    ['{{ ".git" }}/config', '{{ ".GIT " }}/hooks/x', '{{ "git~1" }}/x', '{{ ".scaffold" }}/x'],
)
def test_a_template_that_writes_into_a_folder_of_git_is_refused(scaffold, project, third, name):
    path = third / "template" / name
    path.parent.mkdir(parents=True)
    path.write_text("[core]\n")

    result = scaffold("update", project, "--template", history(third))

    assert (result.status, result.err.partition(":")[0]) == (4, "template")
    assert "leads into '." in result.err


@pytest.mark.parametrize(
    "commands",
    ["_tasks:\n  - touch ran\n", "_migrations:\n  - touch ran\n", "_jinja_extensions: [a.B]\n"],
)
def test_no_template_runs_commands(scaffold, project, third, commands):
    (third / "copier.yml").write_text((third / "copier.yml").read_text() + commands)

    result = scaffold("update", project, "--template", history(third))

    assert (result.status, result.err.partition(":")[0]) == (4, "template")
    assert not list(project.rglob("ran"))


def test_what_only_a_project_names_is_not_fetched(scaffold, project, new_file):
    source = history(new_file)
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("scaffold:plugin", str(source)))
    commit(project)

    for options in ([], ["--check"], ["--diff"]):
        result = scaffold("update", project, *options)
        assert (result.status, result.err.partition(":")[0]) == (4, "not-fetched")
    marked = scaffold("status", project)
    assert (
        marked.status,
        f"{source} {NEWEST} (not fetched unless you name it)\n" in marked.out,
    ) == (
        0,
        True,
    )

    permissions_file().parent.mkdir(exist_ok=True)
    permissions_file().write_text(f"{source}\n")
    assert f"{source} {NEWEST}\n" in scaffold("status", project).out
    assert scaffold("update", project, "--check").status == 4
    assert scaffold("update", project).status == 0


def test_a_source_with_blanks_and_a_relative_one_work_again_from_any_folder(
    scaffold, project, new_file, tmp_path, monkeypatch
):
    source = tmp_path / "my templates" / "t #1.git"
    source.parent.mkdir()
    shutil.move(history(new_file), source)
    monkeypatch.chdir(source.parent)

    assert scaffold("update", project, "--template", source.name).status == 0
    commit(project)
    monkeypatch.chdir(tmp_path)

    assert scaffold("update", project).err == "template v3: up to date\n"
    assert f"template   {source} v3\n" in scaffold("status", project).out


def test_status_warns_of_a_template_that_only_claims_to_ship(scaffold, project):
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("scaffold:plugin", "scaffold:/proc/self/cwd"))

    result = scaffold("status", project)

    assert result.status == 1
    assert f"scaffold:/proc/self/cwd {NEWEST}  (no template of this name ships: " in result.out


def test_a_template_may_leave_files_alone_in_updates(scaffold, project, new_file):
    config = new_file / "copier.yml"
    words = "{% if _copier_operation == 'update' %}{}{% endif %}"
    excluded = [words.replace("{}", name) for name in ("NOTES", "README.md")]
    config.write_text(f"{config.read_text()}\n_exclude: {json.dumps(excluded)}\n")

    assert scaffold("update", project, "--template", history(new_file)).status == 0

    assert not (project / "NOTES").exists()
    assert "The third version." not in (project / "README.md").read_text()


@pytest.mark.parametrize("step", ["..", "%2e%2E", "%252e%252e", "..\\x", "a/..%5cx"])
def test_a_source_below_an_allowed_address_does_not_step_out_of_it(step):
    permissions_file().parent.mkdir(parents=True, exist_ok=True)
    permissions_file().write_text("https://code.localhost/team/\n")

    assert is_allowed("https://code.localhost/team/templates%20of%20ours.git")
    assert not is_allowed(f"https://code.localhost/team/{step}/other/x.git")
