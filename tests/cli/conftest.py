"""A runner of the command line, and a plugin project to run it on."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from projects import HOOKSPEC, INPUT, OUTPUT, write

from scaffold._cli.app import main


@dataclass
class Result:
    status: int
    out: str
    err: str


@pytest.fixture
def scaffold(monkeypatch, capsys):
    """Run a command line in this process, through the entry point of the console script."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["scaffold", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Result(ended.value.code or 0, out, err)

    return run


@pytest.fixture
def spawn():
    """Run a command line in a process of its own."""

    def run(*arguments, **options):
        command = [sys.executable, "-m", "scaffold", *map(str, arguments)]
        options = {"stdin": subprocess.DEVNULL, "timeout": 60, **options}
        ended = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        return Result(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def hookspecs(tmp_path):
    """A folder of hookspecs with one kind, `greeter`."""
    folder = tmp_path / "hookspecs"
    write(folder / "greeter" / "v1.yaml", HOOKSPEC)
    write(folder / "greeter" / "schemas" / "greet.input.json", INPUT)
    write(folder / "greeter" / "schemas" / "greet.output.json", OUTPUT)
    return folder


@pytest.fixture(scope="session")
def tool_project(tmp_path_factory):
    """A plugin project of kind `tool`, as the console script makes it; copy it to change it."""
    folder = tmp_path_factory.mktemp("projects")
    command = [sys.executable, "-m", "scaffold", "new-plugin", "demo", "--kind", "tool"]
    subprocess.run([*command, "--defaults", "-o", folder], check=True, capture_output=True)
    return folder / "demo"


@pytest.fixture
def demo(tool_project, tmp_path):
    """A plugin project of kind `tool` to change."""
    return Path(shutil.copytree(tool_project, tmp_path / "demo"))
