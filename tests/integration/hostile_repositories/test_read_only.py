"""Commands that say that they write nothing keep their word on repositories that mean harm."""

import re
from pathlib import Path

import git_recipes
import git_settings
import pytest
from hostile_recipes import RECIPES
from traced_projects import SECRET, lay, snapshot, sound_project, trace

pytestmark = pytest.mark.ci

COMMANDS = [
    ["lint", "hookspecs"],
    ["lint", "--output-format", "github", "."],
    ["lint", "--output-format", "json", "hookspecs/tool/v1.yaml"],
    ["lint", "--diff", "--unsafe", "hookspecs"],
    ["inspect", "."],
    ["inspect", "--json", "hookspecs"],
    ["explain", "outside"],
    ["doctor"],
    ["check"],
    ["check", "--against", "HEAD"],
    ["status"],
    ["status", "-r", ".."],
    ["status", "--json", "--hookspecs", "hookspecs"],
    ["generate", "--check", "--diff"],
    ["diff", "hookspecs", "--against", "HEAD"],
    ["diff", "--json", "HEAD:hookspecs", "hookspecs"],
    ["breaking", "hookspecs", "--against", "HEAD"],
    ["breaking", "HEAD:.", "."],
    ["update", "--check", "--diff"],
    ["update", "--diff", "--to", "v2"],
]
OTHERS = {"new-plugin", "call", "test", "run"}
"""The commands that write a new folder or run code of the project."""
SHARES = 6
"""In how many runs every repository meets every command."""


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    return sound_project(tmp_path_factory.mktemp("sound"))


def test_there_are_forty_repositories():
    assert len(RECIPES) >= 40
    assert git_recipes.git_with_filters in RECIPES.values()
    assert git_settings.git_filters in RECIPES.values()


def problems(report):
    """Yield what a command did that it must not do."""
    command = f"{report['name']}: scaffold {' '.join(report['command'])}"
    if report["status"] not in (0, 1, 2, 4) or "Traceback" in report["err"]:
        yield f"{command}: status {report['status']}: {report['err']}"
    if SECRET in report["out"] + report["err"]:
        yield f"{command}: shows {report['out']}{report['err']}"
    for kind, *what in report["events"]:
        if kind != "program" or not what[0].endswith("git"):
            yield f"{command}: {kind}: {what}"


def hold_commands_to_their_word(project, folder, names, commands):
    """Run the commands of each repository, and look at the world before and after."""
    roots = {name: lay(folder / "worlds", project, name) for name in names}
    before = snapshot(folder / "worlds")

    reports = trace(
        [
            {"name": name, "root": str(root), "command": command}
            for name, root in roots.items()
            for command in commands
        ],
        folder,
    )

    assert len(reports) == len(names) * len(commands)
    assert [problem for report in reports for problem in problems(report)] == []
    after = snapshot(folder / "worlds")
    assert {
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    } == set()
    assert snapshot(folder / "home") == {}
    assert list((folder / "tmp").iterdir()) == []
    assert (
        any(report["status"] == 0 for report in reports if report["name"] == "sound")
        or "sound" not in names
    )


def test_every_command_that_can_only_read_is_tried():
    """The page on security and the command line name no other commands."""
    from typer.main import get_command

    from scaffold._cli.app import app

    page = Path("docs/security.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    read_only = [row for row in rows if row.split(" | ")[2] in ("nothing", "temporary files")]
    named = {name for row in read_only for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    tried = [" ".join(command) for command in COMMANDS]

    for name in named:
        command, *options = name.split()
        assert any(
            each.split()[0] == command and all(option in each.split() for option in options)
            for each in tried
        ), name
    assert {each.split()[0] for each in tried} == set(get_command(app).commands) - OTHERS


@pytest.mark.parametrize("share", range(SHARES))
def test_commands_that_only_read_write_nothing_start_nothing_and_reach_nothing(
    project, tmp_path, share
):
    names = [name for number, name in enumerate(RECIPES) if number % SHARES == share]

    hold_commands_to_their_word(project, tmp_path, names, COMMANDS)


def test_the_tracer_sees_what_commands_do_that_write_and_run_code(project, tmp_path):
    root = lay(tmp_path / "worlds", project, "sound")
    (root / "docs" / "tool_v1.md").unlink()
    commands = (["generate"], ["call", ".", "execute", "--runtime", "in_process"], ["update"])

    reports = trace(
        [{"name": "sound", "root": str(root), "command": each} for each in commands], tmp_path
    )

    wrote, called, updated = ({kind for kind, *_ in each["events"]} for each in reports)
    assert "change" in wrote
    assert "code" in called
    assert "program" in updated
    assert (root / "docs" / "tool_v1.md").is_file()
