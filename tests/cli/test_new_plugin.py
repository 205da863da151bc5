"""`scaffold new-plugin`."""

import pytest
from projects import write

RUNTIMES = 'runtime = ["in_process", "mcp_stdio", "mcp_http"]'


def new(scaffold, tmp_path, *arguments, kind="greeter", hookspecs=None, defaults=True):
    options = ["--kind", kind] if kind else []
    options += ["--hookspecs", hookspecs] if hookspecs else []
    options += ["--defaults"] if defaults else []
    return scaffold("new-plugin", *(arguments or ("demo",)), *options, "-o", tmp_path / "made")


def paths(folder):
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if "__pycache__" not in path)


def test_a_project_of_an_own_kind_is_complete(scaffold, tmp_path, hookspecs):
    result = new(scaffold, tmp_path, hookspecs=hookspecs)

    assert (result.status, result.out) == (0, f"{tmp_path}/made/demo\n")
    assert paths(tmp_path / "made" / "demo") == [
        ".copier-answers.yml",
        ".editorconfig",
        ".gitattributes",
        ".github/workflows/check.yml",
        ".gitignore",
        "README.md",
        "dagstack.toml",
        "demo/__init__.py",
        "demo/__main__.py",
        "demo/_generated/greeter_v1/__init__.py",
        "demo/_generated/greeter_v1/client.py",
        "demo/_generated/greeter_v1/contract.json",
        "demo/_generated/greeter_v1/dispatch.py",
        "demo/_generated/greeter_v1/models.py",
        "demo/_generated/greeter_v1/plugin.py",
        "demo/plugin.py",
        "docs/greeter_v1.md",
        "docs/greeter_v1.openrpc.json",
        "hookspecs/greeter/schemas/greet.input.json",
        "hookspecs/greeter/schemas/greet.output.json",
        "hookspecs/greeter/v1.yaml",
        "pyproject.toml",
        "scaffold.lock",
        "tests/test_contract.py",
    ]


def test_a_new_project_passes_its_own_checks(scaffold, tool_project):
    assert scaffold("generate", tool_project, "--check").status == 0
    checked = scaffold("check", tool_project)
    assert (checked.status, checked.out.count(" ok\n")) == (0, 4)


def test_nothing_in_a_new_project_names_a_place_of_this_machine(tool_project, tmp_path_factory):
    places = [str(tmp_path_factory.getbasetemp()), __file__.rpartition("/tests/")[0]]

    for path in paths(tool_project):
        text = (tool_project / path).read_text("utf-8")
        assert not any(place in text for place in places), path


def test_the_same_command_makes_the_same_bytes(scaffold, tmp_path, tool_project):
    new(scaffold, tmp_path, kind="tool")

    made = tmp_path / "made" / "demo"
    assert paths(made) == paths(tool_project)
    assert all(
        (made / path).read_bytes() == (tool_project / path).read_bytes() for path in paths(made)
    )


def test_a_kind_in_a_single_file_is_pinned_under_its_own_name(scaffold, tmp_path, hookspecs):
    file = (hookspecs / "greeter" / "v1.yaml").rename(hookspecs / "greeter" / "mine.yaml")

    assert new(scaffold, tmp_path, hookspecs=file).status == 0
    assert (tmp_path / "made" / "demo" / "hookspecs" / "greeter" / "v1.yaml").is_file()
    assert scaffold("check", tmp_path / "made" / "demo").status == 0


def test_all_runtimes_are_offered_unless_some_are_asked_for(scaffold, tmp_path, hookspecs):
    new(scaffold, tmp_path, hookspecs=hookspecs)
    new(scaffold, tmp_path, "two", "--runtime", "mcp_stdio", hookspecs=hookspecs)

    assert RUNTIMES in (tmp_path / "made" / "demo" / "dagstack.toml").read_text()
    assert 'runtime = ["mcp_stdio"]' in (tmp_path / "made" / "two" / "dagstack.toml").read_text()


def test_a_kind_for_one_process_gets_no_server_and_refuses_one(scaffold, tmp_path, hookspecs):
    spec = hookspecs / "greeter" / "v1.yaml"
    write(spec, spec.read_text() + "constraints: { in_process_only: true }\n")

    refused = new(scaffold, tmp_path, "demo", "--runtime", "mcp_http", hookspecs=hookspecs)
    assert (refused.status, "run in process only, not over 'mcp_http'" in refused.err) == (2, True)

    assert new(scaffold, tmp_path, hookspecs=hookspecs).status == 0
    made = tmp_path / "made" / "demo"
    assert 'runtime = ["in_process"]' in (made / "dagstack.toml").read_text()
    assert not (made / "demo" / "__main__.py").exists()


def test_an_unknown_kind_is_refused_with_those_there_are(scaffold, tmp_path):
    result = new(scaffold, tmp_path, kind="tooll")

    assert result.status == 2
    assert "there is no kind 'tooll'" in result.err
    assert "'tool'" in result.err
    assert not (tmp_path / "made").exists()


def test_a_file_of_another_kind_is_refused(scaffold, tmp_path, hookspecs):
    result = new(scaffold, tmp_path, kind="other", hookspecs=hookspecs / "greeter" / "v1.yaml")

    assert (result.status, "describes 'greeter', and not 'other'" in result.err) == (2, True)


def test_a_broken_hookspec_is_refused_with_its_place(scaffold, tmp_path, hookspecs):
    (hookspecs / "greeter" / "schemas" / "greet.input.json").unlink()

    result = new(scaffold, tmp_path, hookspecs=hookspecs)

    assert result.status == 1
    assert "greeter/v1.yaml:8:19: missing-schema: " in result.err
    assert not (tmp_path / "made").exists()


def test_missing_answers_are_listed_where_nobody_can_be_asked(spawn, tmp_path):
    no_kind = spawn("new-plugin", "demo", cwd=tmp_path)
    no_answers = spawn("new-plugin", "demo", "--kind", "tool", "--data", "ci=none", cwd=tmp_path)

    assert (no_kind.status, no_answers.status) == (2, 2)
    assert "no answer for 'kind'" in no_kind.err
    assert "no answer for 'description'" in no_answers.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["json"], "would hide a module of the standard library"),
        (["de/mo"], "is not a plugin name"),
        (["demo", "--data", "colour"], "--data 'colour' has no value"),
        (["demo", "--data", "colour=red"], "does not ask for 'colour'"),
        (["demo", "--runtime", "telepathy"], "telepathy"),
        (["demo", "--lang", "cobol"], "cobol"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(scaffold, tmp_path, arguments, reason):
    result = new(scaffold, tmp_path, *arguments, kind="tool")

    assert (result.status, reason in result.err) == (2, True), result.err
    assert not (tmp_path / "made").exists()


def test_a_folder_that_is_not_empty_is_left_alone(scaffold, tmp_path, hookspecs):
    write(tmp_path / "made" / "demo" / "mine.txt", "mine")

    result = new(scaffold, tmp_path, hookspecs=hookspecs)

    assert (result.status, "exists and is not empty" in result.err) == (4, True)
    assert paths(tmp_path / "made") == ["demo/mine.txt"]


def test_an_answer_of_the_author_reaches_the_project(scaffold, tmp_path, hookspecs):
    text = 'Says "hello" \\ 😀'
    new(scaffold, tmp_path, "demo", "--data", f"description={text}", hookspecs=hookspecs)

    assert text in (tmp_path / "made" / "demo" / "README.md").read_text("utf-8")
    assert scaffold("check", tmp_path / "made" / "demo").status == 0
