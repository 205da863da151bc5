"""The manual names every check, and `assert_alike` is as forgiving as it says."""

import re
from pathlib import Path

import pytest

from scaffold.kinds.text_processor_v1 import ProcessInput, TextProcessorClient
from scaffold.testing import assert_alike, every_runtime
from scaffold.testing._suites import CHECKS

MANUAL = Path(__file__).parents[2] / "docs" / "testing.md"


def test_the_manual_describes_every_check_and_no_other():
    text = MANUAL.read_text("utf-8")
    described = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)

    assert described == [check.name for check in CHECKS]
    assert f"with {len(CHECKS)} checks" in text


def test_failures_are_alike_whatever_their_ids(plugin):
    folder = plugin("failing", runtime=["in_process", "mcp_stdio"])

    with every_runtime(folder, TextProcessorClient) as clients:
        assert_alike(clients, lambda client: client.process(ProcessInput(text="some")))


def test_answers_that_differ_are_shown(plugin):
    folder = plugin("process_id", runtime=["in_process", "mcp_stdio"])

    with (
        every_runtime(folder, TextProcessorClient) as clients,
        pytest.raises(AssertionError, match="mcp_stdio"),
    ):
        assert_alike(clients, lambda client: client.process(ProcessInput(text="some")))
