"""Whatever is changed in a project, commands touch nothing else, and say what they refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from traced_projects import sound_project

pytestmark = pytest.mark.ci

FUZZ = Path(__file__).with_name("fuzz_projects.py")


def fuzz(folder, count, seed):
    """Return what a run of the fuzzer found."""
    project = sound_project(folder)
    for name in ("home", "tmp", "run"):
        (folder / name).mkdir()
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GIT_"))},
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, FUZZ, project, folder / "run", str(count), str(seed)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    *found, last = ended.stdout.splitlines()
    assert last == f"{count} projects"
    return found


def test_changed_projects_lead_no_command_outside(tmp_path):
    assert fuzz(tmp_path, 40, 0) == []


@pytest.mark.slow
def test_ten_thousand_changed_projects_lead_no_command_outside(tmp_path):
    assert fuzz(tmp_path, 10_000, 1_000_000) == []
