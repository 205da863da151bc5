"""New projects of the shipped kinds are sound; the command and the pytest plugin say so."""

import json
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from scaffold._cli.commands import test as command
from scaffold._project import new_project
from scaffold._project.config.hookspec_lookup import named_hookspec
from scaffold._project.files.atomic_write import create_project

pytestmark = pytest.mark.ci

KINDS = ["audit_logger", "chunker", "orchestrator", "source", "text_processor", "tool"]
FAST = {"orchestrator", "tool"}


@pytest.fixture
def project(tmp_path):
    """Make a plugin project, as `new-plugin` does."""

    def make(kind):
        folder = tmp_path / f"my-{kind}"
        made = new_project.new_project(
            folder.name,
            named_hookspec(kind, None),
            runtimes=(),
            language="python",
            answers={},
            defaults=True,
            interactive=False,
        )
        create_project(folder, made.files)
        return folder

    return make


@pytest.mark.parametrize(
    "kind", [kind if kind in FAST else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_a_new_project_of_a_shipped_kind_passes_everything(project, capsys, kind):
    status = command.test(project(kind), (), secrets=[], as_json=True)
    checks = json.loads(capsys.readouterr().out)["checks"]

    assert [one for one in checks if one["outcome"] not in {"ok", "skipped"}] == []
    assert (status, len(checks)) == (0, len({one["name"] for one in checks}))


def test_findings_exit_1_and_say_place_invariant_and_mend(plugin, capsys):
    folder = plugin("printing", runtime=["in_process", "mcp_stdio"])
    status = command.test(folder, ["contract"], secrets=[], as_json=False)
    out, err = capsys.readouterr()

    assert (status, "demo: ok " in err) == (1, True)
    assert "contract  sinks               wrong    by reading\n" in out
    assert "  printing.py:8: sinks: 'print' writes to a stream of the host's\n" in out
    assert "    help: use 'context.logger'" in out


def test_a_plugin_that_cannot_be_tried_exits_5(plugin, capsys):
    folder = plugin("echo")
    (folder / "echo.py").write_text("1 / 0\n")

    assert command.test(folder, ["faults"], secrets=[], as_json=False) == 5
    assert "ZeroDivisionError" in capsys.readouterr().out


def _pytest(folder, *arguments):
    """Run pytest in a process of its own, with our plugin and no other."""
    line = [sys.executable, "-m", "pytest", "-p", "scaffold.pytest_plugin", "-q", "-rs", *arguments]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_pytest_makes_a_test_of_every_check(plugin):
    folder = plugin("printing")
    ended = _pytest(folder, "--scaffold", ".", "-k", "sinks or progress or sigterm")

    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "1 failed, 1 passed, 1 skipped" in ended.stdout
    assert "printing.py:8: sinks: 'print'" in ended.stdout
    assert "its manifest does not offer mcp_stdio" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_pytest_reads_the_folder_from_its_configuration(plugin):
    folder = plugin("echo")
    (folder / "pytest.ini").write_text("[pytest]\nscaffold = .\n")
    ended = _pytest(folder, "-k", "sinks")

    assert (ended.returncode, "1 passed" in ended.stdout) == (0, True), ended.stdout


def test_pytest_refuses_a_folder_without_a_manifest(tmp_path):
    ended = _pytest(tmp_path, "--scaffold", ".")

    assert (ended.returncode, "no-manifest" in ended.stderr) == (4, True), ended.stderr


def test_without_the_option_pytest_collects_nothing_and_loads_nothing(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    assert {one for one in sys.modules if one.startswith('scaffold.')} == "
        "{'scaffold._lazy', 'scaffold._version', 'scaffold.pytest_plugin'}\n"
    )
    ended = _pytest(tmp_path)

    assert (ended.returncode, "1 passed" in ended.stdout) == (0, True), ended.stdout


def test_the_plugin_is_registered_with_pytest():
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text()
    points = tomllib.loads(text)["project"]["entry-points"]["pytest11"]

    assert import_module(points["scaffold"]).pytest_addoption
