"""A change that a killed process left half made is undone by the next one."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.atomic_write import locked_project
from scaffold._project.files.write_journal import (
    FileSwap,
    commit,
    prepare,
    refuse_interrupted,
    roll_back,
)

# Makes the same change in one folder after the other, each in a process that dies at its nth step,
# as on SIGKILL; then undoes it in one that dies at its mth step.
DIE = """
import json, os, sys
from pathlib import Path
from scaffold._project.files.file_changes import compare_files
from scaffold._project.files.write_journal import roll_back
from scaffold._project.files.lockfile import Entry, Lock, Owner, digest
from scaffold._project.files.atomic_write import apply_changes

CHANGES = {"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.chmod", "os.utime"}

def mortal(at):
    steps = []

    def step(event, arguments):
        if event in CHANGES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            steps.append(event)
            if len(steps) == at:
                os._exit(9)

    sys.addaudithook(step)

def change(root):
    names = ("a", "b", "stale", "gone/inner/x")
    old = {path: Entry(Owner.GENERATED, digest(b"old")) for path in names}
    wanted = {"a": "new", "b": "new", "deep/er/c": "new"}
    apply_changes(root, compare_files(root, wanted, Lock(files=old)))

work = {"change": change, "undo": roll_back}
for what, at, folder in json.load(sys.stdin):
    child = os.fork()
    if not child:
        mortal(at)
        work[what](Path(folder))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
OLD = {"a": "old", "b": "old", "stale": "old", "gone/inner/x": "old"}
NEW = {"a": "new", "b": "new", "deep/er/c": "new"}


def lay(root):
    for path, text in OLD.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "gone" / "inner").chmod(0o750)
    return root


def texts(root):
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and ".scaffold" not in path.parts
    }


def folders(root):
    return {
        path.relative_to(root).as_posix(): path.stat().st_mode & 0o777
        for path in root.rglob("*")
        if path.is_dir() and ".scaffold" not in path.parts
    }


def die(*jobs):
    """Do jobs of `DIE`; return the exit status of each."""
    listed = json.dumps([(what, at, str(root)) for what, at, root in jobs])
    command = [sys.executable, "-c", DIE]
    ended = subprocess.run(command, input=listed, capture_output=True, text=True, check=True)
    return [int(line) for line in ended.stdout.split()]


def until_done(what, make):
    """Do a job in copies, each of which dies one step later, until one is done; return them."""
    roots, some = [], 20
    while True:
        fresh = [make(len(roots) + number) for number in range(some)]
        status = die(*((what, len(roots) + number + 1, root) for number, root in enumerate(fresh)))
        roots += fresh
        if 0 in status:
            return roots[: len(roots) - some + status.index(0) + 1]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Return projects in which a change died at each of its steps; in the last one it did not."""
    base = tmp_path_factory.mktemp("killed")
    return until_done("change", lambda number: lay(base / str(number)))


def test_wherever_a_process_dies_the_tree_is_the_old_one_or_the_new_one(killed, tmp_path):
    *dead, whole = (shutil.copytree(each, tmp_path / each.name) for each in killed)
    assert texts(whole) == NEW
    whole_folders = folders(whole)
    old_folders = folders(lay(tmp_path / "old"))
    interrupted = 0
    assert len(dead) > 30

    for root in dead:
        if (root / ".scaffold" / "journal").exists():
            interrupted += texts(root) not in (OLD, NEW)
        with locked_project(root) as undone:
            assert undone or texts(root) in (OLD, NEW)
        assert (texts(root), folders(root)) in ((OLD, old_folders), (NEW, whole_folders))
        assert not (root / ".scaffold").exists()

    assert interrupted > 5


def test_undoing_may_itself_be_killed_at_every_step(killed, tmp_path):
    interrupted = [each for each in killed if texts(each) not in (OLD, NEW)]
    for number, half in enumerate(interrupted[:: len(interrupted) // 2]):
        dead = until_done(
            "undo", lambda n, half=half, k=number: shutil.copytree(half, tmp_path / f"{k}-{n}")
        )
        for root in dead:
            with locked_project(root):
                pass
            assert texts(root) == OLD
            assert not (root / ".scaffold").exists()


def interrupt(root):
    """Stop a change of `a` and of a new file in a new folder before it is final."""
    swaps = [FileSwap(root / "a", b"new"), FileSwap(root / "pkg" / "b.py", b"new")]
    prepare(root, swaps)
    work = root / ".scaffold"
    (work / "new" / "0").replace(root / "a")
    (root / "pkg").mkdir()
    (work / "new" / "1").replace(root / "pkg" / "b.py")
    return root


def test_a_folder_that_somebody_put_a_file_into_stays_when_a_change_is_undone(tmp_path):
    root = interrupt(lay(tmp_path / "project"))
    (root / "pkg" / "__pycache__").mkdir()
    (root / "pkg" / "__pycache__" / "b.pyc").write_text("cached")

    assert roll_back(root)

    assert texts(root) == {**OLD, "pkg/__pycache__/b.pyc": "cached"}
    assert not roll_back(root)


def test_a_file_that_was_not_swapped_yet_keeps_what_was_written_into_it_since(tmp_path):
    root = lay(tmp_path / "project")
    prepare(
        root,
        [FileSwap(root / "a", b"new"), FileSwap(root / "c", b"new"), FileSwap(root / "b", None)],
    )
    (root / "a").write_text("mine")
    (root / "b").write_text("mine")
    (root / "c").write_text("mine")

    assert roll_back(root)

    assert texts(root) == {**OLD, "a": "mine", "b": "mine", "c": "mine"}


def test_a_project_that_was_moved_after_the_kill_is_put_back(tmp_path):
    root = interrupt(lay(tmp_path / "project")).rename(tmp_path / "moved")

    assert roll_back(root)
    assert texts(root) == OLD


def foreign(root, monkeypatch, tmp_path):
    """Make the journal of a project that of another user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of another"))
    monkeypatch.setattr(
        "scaffold._project.files.journal_record._of_this_process", b"another process"
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return interrupt(root)


def refused(root):
    before = {**texts(root), "journal": (root / ".scaffold" / "journal").read_bytes()}
    with pytest.raises(PreconditionError) as caught, locked_project(root):
        pass
    assert caught.value.code == "foreign-journal"
    assert ".scaffold" in caught.value.help
    assert {**texts(root), "journal": (root / ".scaffold" / "journal").read_bytes()} == before


def test_the_journal_of_another_user_is_refused_and_readers_go_on(tmp_path, monkeypatch):
    with monkeypatch.context() as other:
        root = foreign(lay(tmp_path / "project"), other, tmp_path)

    refused(root)
    refuse_interrupted(root)


@pytest.mark.parametrize(
    "journal",
    [
        '{"targets": [["../victim", true]], "folders": []}',
        "[]",
        "[" * 100_000 + "]" * 100_000,
        '{"change": "{\\"steps\\": [], \\"made\\": [], \\"modes\\": {}}", "signature": "00"}',
        '{"change": "{\\"steps\\": [], \\"made\\": [], \\"modes\\": {}}", "signature": "é"}',
    ],
    ids=["old form", "no object", "deep", "wrong signature", "no signature"],
)
def test_a_journal_that_came_with_a_repository_moves_nothing(tmp_path, journal):
    root = lay(tmp_path / "project")
    (tmp_path / "victim").write_text("precious")
    (root / ".scaffold" / "old").mkdir(parents=True)
    (root / ".scaffold" / "old" / "0").write_text("evil")
    (root / ".scaffold" / "journal").write_text(journal, "utf-8")

    refused(root)
    assert (tmp_path / "victim").read_text() == "precious"
    assert texts(root) == OLD


def test_a_signed_journal_with_another_old_file_is_refused(tmp_path):
    root = interrupt(lay(tmp_path / "project"))
    (root / ".scaffold" / "old" / "0").unlink()
    (root / ".scaffold" / "old" / "0").write_text("evil")

    refused(root)


def test_a_key_that_lies_in_the_project_signs_nothing(tmp_path, monkeypatch):
    root = lay(tmp_path / "project")
    monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    prepare(root, [FileSwap(root / "a", b"new")])

    assert not (root / "state").exists()
    assert roll_back(root)


def test_a_key_that_others_can_write_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    root = interrupt(lay(tmp_path / "project"))
    monkeypatch.setattr(
        "scaffold._project.files.journal_record._of_this_process", b"another process"
    )
    folder = tmp_path / "state" / "hookspec-scaffold"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "journal.key").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in folder.iterdir()] == ["journal.key"]

    (folder / "journal.key").chmod(0o666)
    refused(root)
    (folder / "journal.key").chmod(0o600)
    folder.chmod(0o777)
    refused(root)
    folder.chmod(0o700)
    assert roll_back(root)


def test_without_a_home_the_key_is_among_the_temporary_files_of_the_user(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    root = interrupt(lay(tmp_path / "project"))
    monkeypatch.setattr(
        "scaffold._project.files.journal_record._of_this_process", b"another process"
    )

    assert roll_back(root)
    assert texts(root) == OLD


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_work_folder_that_is_not_a_folder_is_refused(tmp_path, kind):
    root = lay(tmp_path / "project")
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "journal").write_text("precious")
    work = root / ".scaffold"
    work.symlink_to(tmp_path / "victim") if kind == "link" else work.write_text("")

    for use in (roll_back, lambda root: prepare(root, [])):
        with pytest.raises(PreconditionError, match="is not a folder"):
            use(root)
    refuse_interrupted(root)

    assert (tmp_path / "victim" / "journal").read_text() == "precious"


def test_readers_refuse_a_half_made_change_and_say_what_ends_it(tmp_path):
    root = lay(tmp_path / "project")
    prepare(root, [FileSwap(root / "a", b"new")])

    with pytest.raises(PreconditionError, match="interrupted half way") as caught:
        refuse_interrupted(root)

    assert "scaffold generate" in caught.value.help
    assert roll_back(root)
    refuse_interrupted(root)


def test_a_journal_that_is_cut_off_was_never_acted_upon(tmp_path):
    root = lay(tmp_path / "project")
    prepare(root, [FileSwap(root / "a", b"new")])
    journal = root / ".scaffold" / "journal"
    journal.write_bytes(journal.read_bytes()[:-3])

    assert not roll_back(root)
    assert texts(root) == OLD
    assert not (root / ".scaffold").exists()


def test_two_writers_take_turns(tmp_path):
    root = lay(tmp_path / "project")
    order = []

    def second():
        with locked_project(root):
            order.append("second")

    with locked_project(root):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        swaps = [FileSwap(root / "a", b"new")]
        prepare(root, swaps)
        commit(root, swaps)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_a_folder_that_is_not_there_is_no_project(tmp_path):
    with (
        pytest.raises(PreconditionError, match="there is no folder"),
        locked_project(Path(tmp_path / "x")),
    ):
        pass
