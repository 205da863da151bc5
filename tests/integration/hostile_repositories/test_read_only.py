"""Commands that say that they write nothing keep their word on repositories that mean harm."""

import git_recipes
import git_settings
import pytest
from hostile_recipes import RECIPES
from traced_projects import SECRET, lay, snapshot, sound_project, trace

pytestmark = pytest.mark.ci

COMMANDS = [
    ["lint", "hookspecs"],
    ["lint", "--diff", "--unsafe", "hookspecs"],
    ["inspect", "."],
    ["check", "--against", "HEAD"],
    ["status", "-r", ".."],
    ["generate", "--check", "--diff"],
    ["diff", "hookspecs", "--against", "HEAD"],
    ["breaking", "hookspecs", "--against", "HEAD"],
    ["update", "--check", "--diff"],
]
SHARES = 2
SLICES = 3
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
            for command in commands[name]
        ],
        folder,
    )

    assert len(reports) == sum(len(commands[name]) for name in names)
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


@pytest.mark.parametrize("share", range(SHARES))
def test_commands_that_only_read_write_nothing_start_nothing_and_reach_nothing(
    project, tmp_path, share
):
    """Each repository meets a third of the commands, and each command a third of them."""
    numbered = list(enumerate(RECIPES))
    commands = {name: COMMANDS[number % SLICES :: SLICES] for number, name in numbered}
    names = [name for number, name in numbered if number // SLICES % SHARES == share]

    hold_commands_to_their_word(project, tmp_path, names, commands)


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_every_command_that_only_reads_keeps_its_word_on_every_repository(project, tmp_path, share):
    names = [name for number, name in enumerate(RECIPES) if number % SHARES == share]

    hold_commands_to_their_word(project, tmp_path, names, dict.fromkeys(names, COMMANDS))


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
