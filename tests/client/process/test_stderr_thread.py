"""The log of a plugin's process keeps its levels, and stays within bounds."""

import logging

import pytest

from scaffold.client._process.log_records import BURST_BYTES, BYTES_PER_SECOND, LogReader


@pytest.fixture
def records(caplog):
    caplog.set_level(logging.DEBUG, "plugin.demo")
    return lambda: [(each.levelname, each.getMessage()) for each in caplog.records]


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


HEAD = b"2026-01-31 12:00:00,000 "


def test_a_record_keeps_the_level_that_the_process_gave_it(records):
    reader = LogReader("demo")
    reader.feed(HEAD + b"WARNING plugin.demo: low on disk\n" + HEAD + b"DEBUG httpx: GET /\n")
    reader.close()
    assert records() == [("WARNING", "low on disk"), ("DEBUG", "httpx: GET /")]


def test_lines_that_begin_with_a_tab_belong_to_the_record_before(records):
    reader = LogReader("demo")
    reader.feed(HEAD + b"ERROR plugin.demo: greet failed\n\tTraceback (most recent call last):\n")
    reader.feed(b"\t  File x\n\tValueError: no\nafter\n")
    reader.close()
    text = "greet failed\nTraceback (most recent call last):\n  File x\nValueError: no"
    assert records() == [("ERROR", text), ("INFO", "after")]


def test_a_traceback_of_the_interpreter_is_one_error(records):
    lines = [
        "Exception in thread Thread-1 (run):",
        "Traceback (most recent call last):",
        '  File "x.py", line 1, in run',
        "KeyError: 'a'",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "Traceback (most recent call last):",
        '  File "x.py", line 2, in run',
        "ValueError: b",
    ]
    reader = LogReader("demo")
    reader.feed("\n".join(["before", *lines, "after", ""]).encode())
    reader.close()
    assert records() == [
        ("INFO", "before"),
        ("ERROR", "\n".join(filter(None, lines))),
        ("INFO", "after"),
    ]


def test_any_other_line_is_information(records):
    reader = LogReader("demo")
    reader.feed(b"listening\nERROR but of another form\nno end of line")
    reader.close()
    assert records() == [
        ("INFO", "listening"),
        ("INFO", "ERROR but of another form"),
        ("INFO", "no end of line"),
    ]


def test_a_record_that_may_go_on_waits_until_it_is_flushed(records):
    reader = LogReader("demo")
    reader.feed(HEAD + b"INFO plugin.demo: one\n")
    assert reader.pending
    assert records() == []
    reader.flush()
    assert not reader.pending
    assert records() == [("INFO", "one")]


def test_control_characters_of_a_line_are_escapes(records):
    reader = LogReader("demo")
    reader.feed(b"ok\x1b]0;owned\x07\x1b[2K\rCRITICAL host.security all is well\xff\n")
    reader.close()
    text = r"ok\x1b]0;owned\x07\x1b[2K\rCRITICAL host.security all is well\xff"
    assert records() == [("INFO", text)]


def test_a_line_without_an_end_is_read_in_pieces(records):
    reader = LogReader("demo")
    for _ in range(5):
        reader.feed(b"a" * 4096)
    reader.close()
    assert [len(text) for _, text in records()] == [8192, 8192, 4096]


def test_a_record_without_an_end_is_cut_into_pieces(records):
    reader = LogReader("demo")
    reader.feed(HEAD + b"ERROR plugin.demo: x\n" + (b"\t" + b"y" * 1023 + b"\n") * 130)
    reader.close()
    assert max(len(text) for _, text in records()) < 70_000
    assert sum(text.count("y") for _, text in records()) == 130 * 1023


def test_a_flood_is_cut_to_a_budget_and_what_is_left_out_is_counted(records):
    clock = Clock()
    reader = LogReader("demo", clock)
    line = b"z" * 999 + b"\n"
    for _ in range(3 * BURST_BYTES // 1000):
        reader.feed(line)
    logged = len(records())
    assert logged == BURST_BYTES // 999
    clock.now += 2000 / BYTES_PER_SECOND
    reader.feed(b"again\n")
    left_out = 3 * BURST_BYTES // 1000 - logged
    assert records()[logged:] == [
        ("WARNING", f"{left_out} lines of its log are left out"),
        ("INFO", "again"),
    ]


def test_the_last_lines_are_kept_though_they_are_left_out(records):
    reader = LogReader("demo", Clock())
    reader.feed(b"z" * 8000 + b"\n")
    for number in range(200):
        reader.feed(b"%8000d\n" % number)
    reader.close()
    assert [int(line) for line in reader.lines] == list(range(180, 200))
    assert records()[-1] == (
        "WARNING",
        f"{201 - (len(records()) - 1)} lines of its log are left out",
    )
