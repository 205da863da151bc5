"""`scaffold.lock`."""

import pytest

from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.lockfile import LOCKFILE, Entry, Lock, Owner, digest, read_lock

LOCK = Lock(
    generator="0.1.0",
    hookspecs={"tool/v1.yaml": "ab"},
    files={
        "b/ä.py": Entry(Owner.GENERATED, "12"),
        'a "quoted" \\ name': Entry(Owner.TEMPLATE, "34"),
        "c": Entry(Owner.USER, "56"),
    },
)


def test_what_is_written_is_read_back(tmp_path):
    (tmp_path / LOCKFILE).write_text(LOCK.render(), "utf-8")

    assert read_lock(tmp_path) == LOCK


FILES = {f"{name}.py": Entry(Owner.GENERATED, digest(name.encode())) for name in ("a", "ä b", "c")}


def test_what_is_written_as_ever_is_read_as_what_it_says(tmp_path):
    lock = Lock("0.1.0", {"tool/v1.yaml": "ab"}, FILES)
    (tmp_path / LOCKFILE).write_text(lock.render(), "utf-8")

    assert read_lock(tmp_path) == lock


@pytest.mark.parametrize(
    ("before", "after"),
    [("\n", "\n\n"), (" = {", "  =  {"), (" }\n", " } # mine\n"), ('"a.py"', '"\\u0061.py"')],
)
def test_what_is_written_otherwise_means_the_same(tmp_path, before, after):
    lock = Lock("0.1.0", {"tool/v1.yaml": "ab"}, FILES)
    (tmp_path / LOCKFILE).write_text(lock.render().replace(before, after), "utf-8")

    assert read_lock(tmp_path) == lock


def test_a_file_that_is_listed_twice_is_refused(tmp_path):
    text = Lock("0.1.0", {}, FILES).render()
    (tmp_path / LOCKFILE).write_text(text + text.splitlines()[-1] + "\n", "utf-8")

    with pytest.raises(PreconditionError, match=r"'scaffold.lock' cannot be read"):
        read_lock(tmp_path)


def test_it_has_one_line_per_file_in_order():
    lines = LOCK.render().splitlines()

    assert lines[-3:] == [
        '"a \\"quoted\\" \\\\ name" = { owner = "template", sha256 = "34" }',
        '"b/ä.py" = { owner = "generated", sha256 = "12" }',
        '"c" = { owner = "user", sha256 = "56" }',
    ]


def test_a_project_without_one_has_an_empty_one(tmp_path):
    assert read_lock(tmp_path) == Lock()


@pytest.mark.parametrize(
    "text",
    ["<<<<<<< ours\n", "files = 1\n", "generator = 1\n", '[files]\na = { owner = "me" }\n', "\xff"],
)
def test_a_damaged_one_is_refused_with_advice(tmp_path, text):
    (tmp_path / LOCKFILE).write_text(text, "latin-1")

    with pytest.raises(PreconditionError, match=r"'scaffold.lock' cannot be read") as caught:
        read_lock(tmp_path)

    assert "run 'scaffold generate'" in caught.value.help


def test_digests_do_not_depend_on_line_endings():
    assert digest(b"a\r\nb\r\n") == digest(b"a\nb\n") != digest(b"a\rb\n")


@pytest.mark.parametrize(
    "path", [".git/HEAD", ".GIT/config", "../x", "/etc/passwd", "a/../../x", ".scaffold/journal"]
)
def test_a_lockfile_that_lists_what_scaffold_never_writes_is_refused(tmp_path, path):
    lock = Lock(files={path: Entry(Owner.GENERATED, "0" * 64)})
    (tmp_path / LOCKFILE).write_text(lock.render())

    with pytest.raises(PreconditionError, match="leads") as caught:
        read_lock(tmp_path)

    assert caught.value.code == "lock-invalid"
    assert path in caught.value.message


def test_a_lockfile_behind_a_link_that_leads_out_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("generator = 'x'\n")
    root = tmp_path / "project"
    root.mkdir()
    for target in ("../secret", "../not there yet"):
        (root / LOCKFILE).symlink_to(target)
        with pytest.raises(PreconditionError, match="leads out of the project"):
            read_lock(root)
        (root / LOCKFILE).unlink()
