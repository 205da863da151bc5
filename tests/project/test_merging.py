"""One file of a template, merged into a project."""

import pytest

from scaffold._project.files.trees import File, Mode
from scaffold._project.template.merging import MergeResult, ProjectFile, merge_file

OLD = File(b"one\ntwo\nthree\nfour\n")
NEW = File(b"one\ntwo\nthree\nfour\nfive\n")
MINE = File(b"zero\none\ntwo\nthree\nfour\n")
BOTH = File(b"zero\none\ntwo\nthree\nfour\nfive\n")
LINK = File(b"elsewhere", Mode.LINK)
SAME = MergeResult(None, changed=False)


def crlf(file):
    return File(file.content.replace(b"\n", b"\r\n"), file.mode)


@pytest.fixture
def merged(tmp_path):
    def run(base, ours, theirs, *, only_new=False):
        ours = ours if isinstance(ours, ProjectFile) else ProjectFile(ours)
        return merge_file(base, ours, theirs, only_new=only_new, folder=tmp_path)

    return run


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "file"),
    [
        (OLD, OLD, NEW, NEW),
        (OLD, MINE, NEW, BOTH),
        (None, None, NEW, NEW),
        (OLD, OLD, None, None),
        # Line ends are merged by themselves: those of a checkout stay.
        (OLD, crlf(OLD), NEW, crlf(NEW)),
        (OLD, crlf(MINE), NEW, crlf(BOTH)),
        (OLD, OLD, crlf(OLD), crlf(OLD)),
        (OLD, MINE, crlf(OLD), crlf(MINE)),
        # So is the executable bit.
        (OLD, MINE, File(OLD.content, Mode.EXECUTABLE), File(MINE.content, Mode.EXECUTABLE)),
        (OLD, File(MINE.content, Mode.EXECUTABLE), NEW, File(BOTH.content, Mode.EXECUTABLE)),
    ],
)
def test_what_the_template_changes_comes_and_what_the_author_changed_stays(
    merged, base, ours, theirs, file
):
    assert merged(base, ours, theirs) == MergeResult(file)


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (OLD, MINE, OLD),
        (OLD, NEW, NEW),
        (None, NEW, NEW),
        (OLD, None, NEW),
        (OLD, None, None),
        (OLD, LINK, OLD),
        (LINK, MINE, LINK),
        (OLD, ProjectFile(None, obstacle="a folder has its name"), OLD),
    ],
)
def test_where_there_is_nothing_to_do_nothing_is_done(merged, base, ours, theirs):
    assert merged(base, ours, theirs) == SAME


def test_line_ends_that_differ_stay_line_by_line(merged):
    ours = File(b"zero\r\none\ntwo\r\nthree\nfour\n")

    assert merged(OLD, ours, NEW).file == File(b"zero\r\none\ntwo\r\nthree\nfour\nfive\n")


def test_lines_that_both_changed_are_a_conflict_with_both_sides(merged):
    found = merged(OLD, File(b"one\nmine\nthree\nfour\n"), File(b"one\nyours\nthree\nfour\n"))

    assert found.conflict == ""
    assert b"<<<<<<< before updating\nmine\n=======\nyours\n>>>>>>> after updating" in (
        found.file.content
    )


def test_a_file_that_both_added_is_a_conflict_with_both_sides(merged):
    found = merged(None, File(b"mine\n"), File(b"yours\n"))

    assert found.conflict == ""
    assert b"mine\n" in found.file.content
    assert b"yours\n" in found.file.content


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "reason"),
    [
        (File(b"\0old"), File(b"\0mine"), File(b"\0new"), "not text"),
        (OLD, LINK, NEW, "link"),
        (None, None, LINK, "link"),
        (OLD, MINE, LINK, "link"),
        (OLD, ProjectFile(None, obstacle="it is a link to nothing"), NEW, "a link to nothing"),
        (OLD, ProjectFile(File(b"MINE\n"), tracked=False), NEW, "does not track"),
        (None, ProjectFile(File(b"MINE\n"), tracked=False), NEW, "does not track"),
    ],
)
def test_what_cannot_be_merged_is_left_alone_and_named(merged, base, ours, theirs, reason):
    found = merged(base, ours, theirs)

    assert not found.changed
    assert reason in found.conflict


def test_a_file_that_the_template_gave_up_and_the_author_edited_is_kept(merged):
    assert merged(OLD, MINE, None) == MergeResult(None, changed=False, conflict="")


def test_what_a_template_makes_only_once_is_not_merged_but_made_again(merged):
    assert merged(OLD, MINE, NEW, only_new=True) == SAME
    assert merged(OLD, None, NEW, only_new=True) == MergeResult(NEW)


def test_conflict_markers_in_an_authors_text_are_no_conflict(merged):
    text = b"<<<<<<< before updating\n"

    assert merged(OLD, File(text + OLD.content), NEW) == MergeResult(File(text + NEW.content))
