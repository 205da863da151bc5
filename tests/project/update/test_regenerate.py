"""`scaffold generate` in a project with a past, on machines with troubles."""

import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aged_projects import commit, git, texts
from aged_projects import scaffold as spawn

SPEC = "hookspecs/tool/v1.yaml"
MODELS = "demo/_generated/tool_v1/models.py"
DOCS = "docs/tool_v1.md"


def bump(project, words="Run one function now."):
    spec = project / SPEC
    spec.write_text(spec.read_text().replace("Run one function.", words))


def grow(project):
    """Add a hook to the pinned hookspec."""
    spec = project / SPEC
    spec.write_text(
        spec.read_text().rstrip()
        + "\n  - name: forget\n    dispatch: broadcast_notify\n    description: Forget it all.\n"
    )


def test_an_edit_is_set_aside_when_asked_for(scaffold, demo):
    edited = (demo / MODELS).read_text() + "# mine\n"
    (demo / MODELS).write_text(edited)
    assert scaffold("generate", demo).status == 4

    result = scaffold("generate", demo, "--set-aside")

    assert (result.status, result.err.startswith(f"created {MODELS}.edited\n")) == (0, True)
    assert (demo / f"{MODELS}.edited").read_text() == edited
    assert "# mine" not in (demo / MODELS).read_text()
    assert scaffold("generate", demo, "--check").status == 0


def test_an_edit_that_was_set_aside_before_is_kept_too(scaffold, demo):
    for text in ("# first\n", "# second\n"):
        (demo / MODELS).write_text(text)
        assert scaffold("generate", demo, "--set-aside").status == 0

    assert (demo / f"{MODELS}.edited").read_text() == "# first\n"
    assert (demo / f"{MODELS}.edited1").read_text() == "# second\n"


def test_an_edited_file_that_is_wanted_no_more_is_set_aside(scaffold, demo):
    (demo / DOCS).write_text("mine\n")
    (demo / SPEC).write_text((demo / SPEC).read_text().replace('"1.0.0"', '"2.0.0"'))
    (demo / SPEC).rename(demo / "hookspecs" / "tool" / "v2.yaml")
    assert scaffold("generate", demo).status == 4

    assert scaffold("generate", demo, "--set-aside").status == 0

    assert not (demo / DOCS).exists()
    assert (demo / f"{DOCS}.edited").read_text() == "mine\n"


def test_missing_methods_are_told_and_added_once(scaffold, demo):
    grow(demo)
    plugin = demo / "demo" / "plugin.py"
    before = plugin.read_text()

    told = scaffold("generate", demo)
    assert "demo/plugin.py:18: new: 'DemoPlugin' lacks 'def forget(self) -> None'\n" in told.err
    assert plugin.read_text() == before

    stubbed = scaffold("generate", demo, "--stub")
    assert (stubbed.status, "+    def forget(self) -> None:\n" in stubbed.out) == (0, True)
    assert plugin.read_text().startswith(before)
    assert scaffold("generate", demo, "--stub").out == ""


def test_a_plugin_that_is_no_python_is_left_alone_and_said_to_be(scaffold, demo):
    grow(demo)
    (demo / "demo" / "plugin.py").write_text("class DemoPlugin(\n")

    told = scaffold("generate", demo)
    refused = scaffold("generate", demo, "--stub")

    assert (told.status, "demo/plugin.py:1: not looked into: " in told.err) == (0, True)
    assert (refused.status, refused.err.partition(":")[0]) == (4, "no-stub")


def test_words_for_people_are_no_change_of_a_hook(scaffold, demo):
    bump(demo)

    assert "changed:" not in scaffold("generate", demo).err


@pytest.mark.parametrize("option", ["--watch", "--stub", "--set-aside"])
def test_looking_and_writing_at_once_is_refused(scaffold, demo, option):
    assert scaffold("generate", demo, "--check", option).status == 2


def test_a_checkout_with_other_line_endings_is_mended_and_no_edit(scaffold, demo):
    for path in (MODELS, DOCS, "scaffold.lock", SPEC, "demo/plugin.py"):
        (demo / path).write_bytes((demo / path).read_bytes().replace(b"\n", b"\r\n"))
    mine = (demo / "demo" / "plugin.py").read_bytes()

    checked = scaffold("generate", demo, "--check")
    assert checked.out == (
        f"{MODELS}: differs only in line endings\n{DOCS}: differs only in line endings\n"
    )
    assert scaffold("generate", demo).status == 0
    assert scaffold("generate", demo, "--check").status == 0
    assert (demo / "demo" / "plugin.py").read_bytes() == mine


def test_read_only_files_are_replaced_and_stay_read_only(scaffold, demo):
    bump(demo)
    (demo / DOCS).chmod(0o444)

    assert scaffold("generate", demo).status == 0
    assert (demo / DOCS).stat().st_mode & 0o777 == 0o444


def test_a_full_disk_leaves_the_tree_as_it_was(demo):
    bump(demo)
    before = texts(demo)

    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    # Python would replace its own compiled modules by what fits on that disk.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    result = spawn("generate", demo, preexec_fn=no_room, env=env)

    assert (result.status, result.err.partition(":")[0]) == (4, "write-failed")
    assert "nothing was changed" in result.err
    assert texts(demo) == before
    assert not (demo / ".scaffold").exists()


def test_generating_ends_the_conflict_of_a_merge(scaffold, updated):
    # The newest template says that generated files are not merged as text.
    commit(updated)
    git(updated, "checkout", "-q", "-b", "theirs")
    bump(updated, "Run one function, theirs.")
    scaffold("generate", updated)
    commit(updated)
    git(updated, "checkout", "-q", "main")
    bump(updated, "Run one function, ours.")
    scaffold("generate", updated)
    commit(updated)
    git(updated, "merge", "theirs")
    assert "<<<<<<<" in (updated / SPEC).read_text()
    assert "<<<<<<<" not in (updated / DOCS).read_text()

    (updated / SPEC).write_text(git(updated, "show", "theirs:" + SPEC))
    assert scaffold("generate", updated).status == 0
    commit(updated, "merged")

    assert scaffold("check", updated).status == 0
    assert "Run one function, theirs." in (updated / DOCS).read_text()


def test_watching_follows_the_hookspec_and_outlives_mistakes(demo):
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "scaffold", "generate", str(demo), "--watch"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        assert read_until(process, "watching\n") == "up to date; watching\n"
        sound = (demo / SPEC).read_text()
        (demo / SPEC).write_text("kind: [")
        assert "malformed-yaml" in read_until(process, "watching\n")
        (demo / SPEC).write_text(sound)
        bump(demo)
        while f"updated {DOCS}\n" not in read_until(process, "watching\n"):
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert "Run one function now." in (demo / DOCS).read_text()


def read_until(process, end):
    text = ""
    while not text.endswith(end):
        ready, _, _ = select.select([process.stderr], [], [], 60)
        assert ready, f"silence after {text!r}"
        got = os.read(process.stderr.fileno(), 65536).decode()
        assert got, f"the end after {text!r}"
        text += got
    return text


def test_with_nothing_changed_nothing_heavy_is_imported_and_nothing_touched(scaffold, demo):
    assert scaffold("generate", demo, "--check").status == 0
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*")}
    code = (
        "import sys; from scaffold._cli.app import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as ended: assert not ended.code\n"
        "print(*sys.modules)"
    )

    for arguments in (["generate", str(demo)], ["generate", str(demo), "--check"]):
        loaded = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, check=True, text=True
        )
        heavy = {"jinja2", "yaml", "datamodel_code_generator", "copier"}
        assert not (heavy | {"jsonschema_rs", "scaffold.generator"}) & set(loaded.stdout.split())

    assert {path: path.stat().st_mtime_ns for path in demo.rglob("*")} == before


def test_what_is_remembered_may_be_lost_or_damaged(scaffold, demo):
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "hookspec-scaffold"
    assert scaffold("generate", demo, "--check").status == 0
    for entry in cache.iterdir():
        entry.write_text("{")

    assert scaffold("generate", demo, "--check").status == 0
    (demo / DOCS).write_text("mine")
    assert scaffold("generate", demo, "--check").out == f"{DOCS}: edited by hand\n"
