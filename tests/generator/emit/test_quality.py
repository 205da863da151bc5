"""Generated code is held to the rules that we hold ourselves to, outside of this repository.

Inside it `scaffold` would count as first-party code, and import order would come out differently
from what the authors of plugins see.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from emitted_files import ROOT

pytestmark = pytest.mark.ci

BIN = Path(sys.executable).parent


def run(folder, tool, *arguments):
    command = [BIN / tool, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_no_linter_finds_anything(project, tmp_path):
    # Our own rules, at the line length that everybody else has.
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    config = tmp_path / "ruff.toml"
    config.write_text(
        'target-version = "py311"\n'
        f"lint.select = {lint['select']}\n"
        # PLC2401: a property in another script keeps its name, which Python allows.
        f"lint.ignore = {[*lint['ignore'], 'PLC2401']}\n"
        f"lint.per-file-ignores = {{ 'tests/**' = {lint['per-file-ignores']['tests/**']} }}\n"
        f"lint.pydocstyle = {{ convention = '{lint['pydocstyle']['convention']}' }}\n"
    )
    done = run(
        project, "ruff", "check", "--no-cache", "--config", config, "--output-format=concise"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_formatter_changes_anything(project):
    done = run(project, "ruff", "format", "--no-cache", "--isolated", "--diff")
    assert done.returncode == 0, done.stdout


def test_mypy_finds_nothing(project):
    packages = [path.parent.name for path in project.glob("*/__init__.py")]
    done = run(project, "mypy", "--strict", "--cache-dir=.mypy", *packages)
    assert done.returncode == 0, done.stdout


def test_type_checkers_refuse_null_where_the_schema_does(project):
    (project / "misuse.py").write_text(
        "from typing import assert_type\n"
        "from every_type._generated.every_type_v1 import TryAllInput\n"
        "def use(it: TryAllInput) -> str:\n"
        "    assert_type(it.old, str | None)\n"
        "    it.old = 'set'\n"
        "    it.old = None\n"
        "    return it.old or 'absent'\n"
    )
    done = run(project, "mypy", "--strict", "--cache-dir=.mypy", "misuse.py")
    (project / "misuse.py").unlink()
    assert re.findall(r"^misuse.py:(\d+): error: .*\[(.*)\]$", done.stdout, re.MULTILINE) == [
        ("6", "assignment")
    ]


@pytest.mark.slow
def test_pyright_finds_nothing(project):
    config = {"typeCheckingMode": "strict", "exclude": ["tests"]}
    (project / "pyrightconfig.json").write_text(json.dumps(config))
    done = run(project, "pyright", "--pythonpath", sys.executable)
    assert done.returncode == 0, done.stdout


def test_nothing_is_suppressed(project):
    suppression = re.compile(r"# *(noqa|type: *ignore|pyright:|fmt:|mypy:|pylint:)")
    found = [
        (path.name, line)
        for path in project.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if suppression.search(line)
    ]
    assert found == []


def test_every_package_is_imported_without_a_warning(project):
    packages = sorted(path.parent.name for path in project.glob("*/__init__.py"))
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    plugins = [f"{package}.plugin" for package in packages]
    done = run(project, Path(sys.executable).name, "-W", "error", "-c", code, *plugins)
    assert done.returncode == 0, done.stderr
