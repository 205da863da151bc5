"""`diff`, `breaking` and `check --against`: what they print, and when they refuse."""

import json
import subprocess

import pytest
from projects import write

OPEN = '{"type": "object", "properties": {"a": {"type": "string", "maxLength": %d}}}'
SPEC = """\
kind: demo
kind_api_version: "%s"
description: A demonstration.
hooks:
  - name: run
    dispatch: singleton
    description: Runs.
    input_schema: schemas/run.json
    output_schema: schemas/run.json
"""
PROJECT = '[tool.scaffold]\nhookspecs = "hookspecs"\ntargets = []\n'


def spec(folder, version, longest):
    write(folder / "demo" / "v1.yaml", SPEC % version)
    write(folder / "demo" / "schemas" / "run.json", OPEN % longest)
    return folder


def git(folder, *arguments):
    options = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def old(tmp_path):
    return spec(tmp_path / "old", "1.0.0", 9)


@pytest.fixture
def repository(tmp_path):
    """A repository of hookspecs whose first commit has version 1.0.0."""
    folder = tmp_path / "a repository ü"
    spec(folder / "hookspecs", "1.0.0", 9)
    write(folder / "pyproject.toml", PROJECT)
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def test_diff_shows_verdicts_and_witness_and_exits_0(scaffold, old, tmp_path):
    result = scaffold("diff", old, spec(tmp_path / "new", "1.0.1", 5))

    assert (result.status, result.err) == (0, "")
    assert result.out.startswith(
        "demo: 1.0.0 to 1.0.1 is a patch step; the changes ask for major, which it is not\n"
        "  hosts: breaking, plugins: breaking, chains: compatible\n"
    )
    assert "/properties/a/maxLength: narrowed: 9 -> 5" in result.out


def test_diff_writes_json_for_programs(scaffold, old, tmp_path):
    result = scaffold("diff", old, spec(tmp_path / "new", "2.0.0", 5), "--json")

    # The name of the file says 1: a new major version has a file of its own.
    assert result.status == 1
    write(tmp_path / "new" / "demo" / "v2.yaml", SPEC % "2.0.0")
    (tmp_path / "new" / "demo" / "v1.yaml").unlink()
    (report,) = json.loads(scaffold("diff", old, tmp_path / "new", "--json").out)
    assert (report["asks"], report["made"], report["holds"]) == ("major", "major", True)
    assert report["verdicts"] == {
        "hosts": "breaking",
        "plugins": "breaking",
        "chains": "compatible",
    }
    (narrowed, _) = report["findings"]
    assert len(narrowed["effects"][0]["witness"]["value"]["a"]) in range(6, 10)


def test_diff_writes_markdown_for_a_pull_request(scaffold, old, tmp_path):
    result = scaffold("diff", old, spec(tmp_path / "new", "1.0.1", 5), "--markdown")

    assert result.out.startswith("## `demo`\n")
    assert "| hosts | **breaking** |" in result.out


def test_breaking_refuses_with_the_place_and_the_payload(scaffold, old, tmp_path):
    new = spec(tmp_path / "new", "1.1.0", 5)
    result = scaffold("breaking", old, new)

    assert result.status == 1
    schema = new / "demo" / "schemas" / "run.json"
    assert f"{schema}:1:72: breaks-hosts: 'run': input narrowed" in result.out
    assert (
        f"{new / 'demo' / 'v1.yaml'}:2:19: version-too-low: '1.1.0' follows '1.0.0'" in result.out
    )
    assert "help: make it '2.0.0', in a file 'v2.yaml'" in result.out


@pytest.mark.parametrize(("version", "longest"), [("1.0.0", 9), ("1.0.1", 9), ("1.1.0", 9)])
def test_breaking_accepts_what_the_version_owns_up_to(scaffold, old, tmp_path, version, longest):
    result = scaffold("breaking", old, spec(tmp_path / "new", version, longest))

    assert (result.status, result.out) == (0, "")


def test_a_kind_that_is_gone_is_refused(scaffold, old, tmp_path):
    new = spec(tmp_path / "new", "1.0.0", 9)
    write(old / "more" / "v1.yaml", (SPEC % "1.0.0").replace("kind: demo", "kind: more"))
    write(old / "more" / "schemas" / "run.json", OPEN % 9)
    result = scaffold("breaking", old, new)

    assert (result.status, "kind-removed: the kind 'more' was removed" in result.out) == (1, True)


def test_git_revisions_are_compared_without_touching_the_tree(scaffold, repository, monkeypatch):
    monkeypatch.chdir(repository)
    spec(repository / "hookspecs", "1.0.1", 5)

    assert scaffold("breaking", "hookspecs", "--against", "HEAD").status == 1
    assert scaffold("breaking", "HEAD:hookspecs", "hookspecs").status == 1
    assert scaffold("breaking", "HEAD:hookspecs/demo/v1.yaml", "hookspecs/demo/v1.yaml").status == 1
    assert scaffold("breaking", "hookspecs/demo/v1.yaml", "--against", "HEAD").status == 1
    assert scaffold("breaking", ".", "--against", "HEAD").status == 1
    git(repository, "commit", "-q", "-a", "-m", "two")
    assert scaffold("breaking", "HEAD:hookspecs", "hookspecs").status == 0
    assert scaffold("breaking", "HEAD~1:hookspecs", "HEAD:hookspecs").status == 1


def test_a_kind_that_is_gone_since_a_revision_is_named_by_the_revision(
    scaffold, repository, monkeypatch
):
    monkeypatch.chdir(repository)
    spec(repository / "hookspecs", "1.0.0", 9)
    other = (SPEC % "1.0.0").replace("kind: demo", "kind: other")
    (repository / "hookspecs" / "demo" / "v1.yaml").write_text(other)
    write(repository / "hookspecs" / "more" / "v1.yaml", SPEC.replace("demo", "more") % "1.0.0")
    write(repository / "hookspecs" / "more" / "schemas" / "run.json", OPEN % 9)
    result = scaffold("breaking", "hookspecs", "--against", "HEAD")

    assert result.status == 1
    assert "\nHEAD:hookspecs/demo/v1.yaml:1:7: kind-removed:" in result.out


def test_errors_of_a_revision_are_named_by_the_revision(scaffold, repository, monkeypatch):
    monkeypatch.chdir(repository)
    path = repository / "hookspecs" / "demo" / "v1.yaml"
    path.write_text((SPEC % "1.0.0").replace("singleton", "twice"))
    git(repository, "commit", "-q", "-a", "-m", "broken")
    path.write_text(SPEC % "1.0.0")
    result = scaffold("diff", "hookspecs", "--against", "HEAD")

    assert result.status == 1
    assert result.err.startswith("HEAD:hookspecs/demo/v1.yaml:6:15: unknown-dispatch:")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["hookspecs"], "no-comparison"),
        (["hookspecs", "hookspecs", "--against", "HEAD"], "no-comparison"),
        (["hookspecs", "--against", "nowhere"], "no-revision"),
        (["HEAD:nowhere", "hookspecs"], "no-revision"),
        (["--", "--output=x:hookspecs", "hookspecs"], "no-revision"),
        (["nowhere", "hookspecs"], "no-hookspec"),
    ],
)
def test_what_cannot_be_compared_exits_2(scaffold, repository, monkeypatch, arguments, code):
    monkeypatch.chdir(repository)
    result = scaffold("diff", *arguments)

    assert (result.status, result.err.partition(":")[0]) == (2, code)


def test_check_holds_the_version_to_a_revision(scaffold, repository):
    assert "versions" not in scaffold("check", repository).out
    spec(repository / "hookspecs", "1.0.0", 5)
    result = scaffold("check", repository, "--against", "HEAD")

    assert (result.status, "version-too-low" in result.out) == (1, True)
