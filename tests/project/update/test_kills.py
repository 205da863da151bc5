"""Killed at any moment, `generate` and `update` leave the old tree or the new one.

If the moment was between two renames, the journal says so: readers refuse the tree, and the next
writer puts the old one back before it goes on.
"""

import random
import shutil
import subprocess
import sys
import time

import pytest
from aged_projects import commit, texts
from aged_projects import scaffold as spawn

pytestmark = pytest.mark.ci

MANY = 100


@pytest.fixture(scope="module")
def pair(first_project, tmp_path_factory):
    """Return a project before a change, and what the commands make of it, with their times."""
    folder = tmp_path_factory.mktemp("kills")
    old = shutil.copytree(first_project, folder / "old")
    spec = old / "hookspecs" / "tool" / "v1.yaml"
    spec.write_text(spec.read_text().replace("Run one function.", "Run a function."))
    commit(old)
    ready = shutil.copytree(old, folder / "ready")
    assert spawn("generate", ready).status == 0
    commit(ready)
    return {"generate": old, "update": ready}


def run_and_kill(command, folder, after):
    """Start a command, and kill it so many seconds later; tell whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scaffold", command, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def kill_often(scaffold, command, project, folder, times):
    whole = shutil.copytree(project, folder / "whole")
    start = time.perf_counter()
    assert spawn(command, whole).status == 0
    taken = time.perf_counter() - start
    old, new = texts(project), texts(whole)
    assert old != new
    killed = 0
    for number in range(times):
        tree = shutil.copytree(project, folder / str(number))
        killed += run_and_kill(command, tree, random.uniform(0.3, 1.05) * taken)
        if (tree / ".scaffold" / "journal").exists():
            assert scaffold("generate", tree, "--check").status == 4
        else:
            assert texts(tree) in (old, new)
        again = scaffold(command, tree)
        # It may have come to its end before, and its work is not committed.
        assert again.status == 0 or "dirty" in again.err, again
        assert texts(tree) == new, again
        shutil.rmtree(tree)
    assert killed or times < MANY


@pytest.mark.parametrize(("command", "times"), [("generate", 2), ("update", 1)])
def test_a_kill_leaves_the_old_tree_or_the_new_one(scaffold, pair, tmp_path, command, times):
    kill_often(scaffold, command, pair[command], tmp_path, times)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["generate", "update"])
def test_a_hundred_kills_leave_the_old_tree_or_the_new_one(scaffold, pair, tmp_path, command):
    kill_often(scaffold, command, pair[command], tmp_path, MANY)
