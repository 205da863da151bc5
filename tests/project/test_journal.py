"""A change that a killed process left half made is undone by the next one."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scaffold.project.errors import PreconditionError
from scaffold.project.journal import Swap, alone, make, prepare, refuse_interrupted, undo

# Dies without any clean-up at the nth step of making a change, as on SIGKILL.
DIE = """
import os, pathlib, sys
from scaffold.project.files import plan
from scaffold.project.lock import Entry, Lock, Owner, digest
from scaffold.project.write import apply

at, steps = int(sys.argv[1]), []

def mortal(name):
    usual = getattr(pathlib.Path, name)
    def step(self, *arguments, **options):
        steps.append(self)
        if len(steps) == at:
            os._exit(9)
        return usual(self, *arguments, **options)
    setattr(pathlib.Path, name, step)

for name in ("mkdir", "open", "hardlink_to", "replace", "unlink", "rename", "rmdir"):
    mortal(name)
root = pathlib.Path(sys.argv[2])
old = {path: Entry(Owner.GENERATED, digest(b"old")) for path in ("a", "b", "stale")}
apply(root, plan(root, {"a": "new", "b": "new", "deep/er/c": "new"}, Lock(files=old)))
print(len(steps))
"""
OLD = {"a": "old", "b": "old", "stale": "old"}
NEW = {"a": "new", "b": "new", "deep/er/c": "new"}


def lay(root):
    root.mkdir()
    for path, text in OLD.items():
        (root / path).write_text(text)
    return root


def texts(root):
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and ".scaffold" not in path.parts
    }


def die(root, at):
    command = [sys.executable, "-c", DIE, str(at), str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_wherever_a_process_dies_the_tree_is_the_old_one_or_the_new_one(tmp_path):
    whole = die(lay(tmp_path / "whole"), 0)
    assert texts(tmp_path / "whole") == NEW
    interrupted = 0

    for step in range(1, int(whole.stdout) + 1):
        root = lay(tmp_path / str(step))
        assert die(root, step).returncode == 9
        if (root / ".scaffold" / "journal").exists():
            interrupted += texts(root) not in (OLD, NEW)
        else:
            assert texts(root) in (OLD, NEW)
        with alone(root) as undone:
            assert undone or not (root / ".scaffold").exists()
        assert texts(root) in (OLD, NEW)
        assert not (root / ".scaffold").exists()

    assert interrupted


def test_readers_refuse_a_half_made_change_and_say_what_ends_it(tmp_path):
    root = lay(tmp_path / "project")
    prepare(root, [Swap(root / "a", b"new")])

    with pytest.raises(PreconditionError, match="interrupted half way") as caught:
        refuse_interrupted(root)

    assert "scaffold generate" in caught.value.help
    assert undo(root)
    refuse_interrupted(root)


def test_undoing_may_itself_be_interrupted(tmp_path):
    root = lay(tmp_path / "project")
    swaps = [Swap(root / "a", b"new"), Swap(root / "new", b"new")]
    prepare(root, swaps)
    (root / ".scaffold" / "new" / "0").replace(root / "a")
    (root / ".scaffold" / "old" / "0").replace(root / "a")

    assert undo(root)
    assert texts(root) == OLD


def test_a_journal_that_is_cut_off_was_never_acted_upon(tmp_path):
    root = lay(tmp_path / "project")
    prepare(root, [Swap(root / "a", b"new")])
    journal = root / ".scaffold" / "journal"
    journal.write_bytes(journal.read_bytes()[:-3])

    assert not undo(root)
    assert texts(root) == OLD
    assert not (root / ".scaffold").exists()


def test_two_writers_take_turns(tmp_path):
    root = lay(tmp_path / "project")
    order = []

    def second():
        with alone(root):
            order.append("second")

    with alone(root):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        swaps = [Swap(root / "a", b"new")]
        prepare(root, swaps)
        make(root, swaps)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_a_folder_that_is_not_there_is_no_project(tmp_path):
    with pytest.raises(PreconditionError, match="there is no folder"), alone(Path(tmp_path / "x")):
        pass
