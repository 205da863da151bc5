"""A call or a stream that is interrupted at any step: the next call works, and nothing goes on."""

from contextlib import ExitStack

import pytest
import streaming_plugins
from interrupted_steps import interrupt_everywhere
from log_reader_v1 import TailInput
from observed_plugins import PATIENCE
from ways_to_streams import WAYS

from scaffold.contract import reporting_to
from scaffold.host._concurrency.waiting import wait_until

pytestmark = pytest.mark.filterwarnings("ignore:.*never awaited", "ignore:Exception ignored in")


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """The folder in which plugins leave words."""
    folder = tmp_path_factory.mktemp("notes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTES", str(folder))
        patch.setattr(streaming_plugins, "NOTES", folder)
        yield folder


@pytest.fixture(scope="module", params=["Plain", "Awaited"])
def plugin(request):
    return getattr(streaming_plugins, request.param)


@pytest.fixture(scope="module", params=["in_process", "mcp_stdio", "mcp_http"])
def reader(request, plugin, notes):
    with ExitStack() as stack:
        yield WAYS[request.param](plugin, stack)


def count(reader):
    assert reader.count("four") == 4


def count_and_listen(reader):
    with reporting_to(lambda *_: None):
        count(reader)


def count_much(reader):
    assert reader.count("x" * 300_000) == 300_000


def read_two_items(reader):
    items = reader.tail(TailInput(path="endless"))
    try:
        assert [next(items).number for _ in range(2)] == [1, 2]
    finally:
        items.close()


@pytest.mark.ci
@pytest.mark.parametrize("work", [count, count_and_listen, count_much])
def test_a_call_that_is_interrupted_at_any_step_hurts_no_later_one(reader, work):
    work(reader)
    interrupt_everywhere(lambda: work(reader), lambda _: (count(reader), work(reader)))


@pytest.mark.ci
def test_a_stream_that_is_interrupted_at_any_step_ends_in_the_plugin(reader, notes):
    def check(where):
        count(reader)
        if (notes / "begun").exists():
            closed = wait_until((notes / "closed").exists, PATIENCE)
            assert closed, f"the stream goes on after an interruption in {where}"
        for word in notes.iterdir():
            word.unlink()

    read_two_items(reader)
    check(None)
    assert interrupt_everywhere(lambda: read_two_items(reader), check) > 10
