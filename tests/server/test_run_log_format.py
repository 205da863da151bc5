"""A server's log can be told into records by whatever reads it."""

import logging
import subprocess
import sys

import pytest

from scaffold.client._process.log_records import LogReader

PROGRAM = """
import logging
from scaffold.server._run import log_to_stderr

log_to_stderr("INFO")
log = logging.getLogger("plugin.demo")
log.debug("not shown")
log.info("two\\nlines \\x1b[2J\\r2026-01-31 12:00:00,000 CRITICAL plugin.demo: forged")
try:
    raise ValueError("wrong\\n2026-01-31 12:00:00,000 CRITICAL plugin.demo: forged")
except ValueError:
    log.exception("greet failed")
"""


OWN_LEVELS = """
import logging
from scaffold.server._run import log_to_stderr

log_to_stderr(5)
logging.addLevelName(logging.ERROR, "\x1b[31mERROR\x1b[0m")
logging.addLevelName(35, "NOTICE")
for level in (5, 10, 29, 35, logging.ERROR, 70):
    logging.getLogger("plugin.demo").log(level, "said")
"""


def test_levels_of_libraries_and_of_renamed_levels_are_kept_as_the_nearest_known_one(caplog):
    said = subprocess.run(
        [sys.executable, "-c", OWN_LEVELS], capture_output=True, check=True, timeout=60
    ).stderr
    caplog.set_level(logging.DEBUG, "plugin.demo")
    reader = LogReader("demo")
    reader.feed(said)
    reader.close()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "said"),
        ("DEBUG", "said"),
        ("INFO", "said"),
        ("WARNING", "said"),
        ("ERROR", "said"),
        ("CRITICAL", "said"),
    ]


@pytest.fixture(scope="module")
def stderr():
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, timeout=60
    ).stderr


def test_further_lines_of_a_record_begin_with_a_tab(stderr):
    heads = [line for line in stderr.decode().splitlines() if not line.startswith("\t")]
    assert [head.split(" ", 3)[2] for head in heads] == ["INFO", "ERROR"]


def test_a_host_reads_the_records_as_they_were_logged(stderr, caplog):
    caplog.set_level(logging.DEBUG, "plugin.demo")
    reader = LogReader("demo")
    reader.feed(stderr)
    reader.close()
    first, second = caplog.records
    assert first.levelname == "INFO"
    assert first.getMessage().startswith("two\nlines \\x1b[2J\\r2026")
    assert second.levelname == "ERROR"
    assert second.getMessage().startswith(
        "greet failed\nTraceback (most recent call last):\n  File "
    )
    assert "ValueError: wrong\n2026-01-31" in second.getMessage()
