"""A reload that is interrupted at any line: each plugin that was set up is torn down."""

import linecache
import sys
from contextlib import suppress
from contextvars import copy_context

import pytest
from observed_plugins import PATIENCE, Gate, Plain, Record, in_thread, text

from scaffold.contract._errors.errors import ScaffoldError
from scaffold.host import Host
from scaffold.host._concurrency.waiting import CloseOnce
from scaffold.host._in_process import stream_steps
from scaffold.kinds.text_processor_v1 import TextProcessorClient, TextProcessorDispatcher

PLUGIN = """
from scaffold.kinds.text_processor_v1 import TextProcessorPlugin

class Words(TextProcessorPlugin):
    def setup(self, context):
        pass

    def process(self, payload):
        return payload
"""

MANIFEST = """
name = "words"
kind = "text_processor"
runtime = ["in_process", "mcp_stdio"]
entry_point = "words:Words"
command = ["python", "-m", "scaffold.server", "words:Words"]
"""

_ROOMS = (
    "_concurrency/blocking_coroutines.py",
    "host/_host.py",
    "host/_lifecycle/lifecycle.py",
    "host/_lifecycle/reload.py",
    "host/_registry/registry.py",
    "host/_in_process/channel.py",
    "host/_runtimes/open_channel.py",
)


class InterruptAtLine:
    """Raises `KeyboardInterrupt` before one line of the host's code, counted from the beginning.

    Lines without a call do not count, since signal handlers run at calls. Lines with `with` do not
    either: Python announces them again before it leaves the block.
    """

    def __init__(self, line):
        self.left = line

    def __enter__(self):
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    @property
    def came(self):
        return self.left <= 0

    def _trace(self, frame, event, _):
        if not frame.f_code.co_filename.endswith(_ROOMS) or self.came:
            return None
        if event == "line" and _can_be_interrupted(frame):
            self.left -= 1
            if self.came:
                raise KeyboardInterrupt
        return self._trace


def _can_be_interrupted(frame):
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return "(" in line and not line.startswith("with ")


def interrupted_reload(line, *, keep):
    """Interrupt a reload at a line; return whether there was such a line, and what was counted."""
    record = Record()
    with Host() as host:
        host.kind(TextProcessorDispatcher)
        host.add(record.plugin(Plain), "p")
        host.start()
        with InterruptAtLine(line) as interrupt, suppress(KeyboardInterrupt):
            host.reload("p", keep=keep)
        host.reload("p")
        ups, downs = record.counts
        assert ups - downs == 1, f"at line {line}: {record.events}"
        assert host.client("p", TextProcessorClient).process(text("a")).text == "a"
    return interrupt.came, record.counts


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("stride", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_reload_interrupted_at_any_line_leaves_no_plugin_without_its_teardown(stride, keep):
    line, came = 1, True
    while came:
        came, (ups, downs) = interrupted_reload(line, keep=keep)
        assert ups == downs, f"at line {line}"
        line += stride
    assert line > 50


def test_a_plugin_without_a_registered_kind_is_reloaded_after_a_failed_reload(tmp_path):
    (tmp_path / "words.py").write_text(PLUGIN)
    (tmp_path / "dagstack.toml").write_text(MANIFEST)
    with Host() as host:
        client = host.load(tmp_path, TextProcessorClient)
        (tmp_path / "words.py").write_text(PLUGIN.replace("pass", "raise ValueError"))
        with pytest.raises(ScaffoldError):
            host.reload("words")
        assert host.status["words"].state == "unavailable"
        (tmp_path / "words.py").write_text(PLUGIN)
        host.reload("words")
        assert client.process(text("a")).text == "a"
        assert host["words"].client is client


def test_a_failed_reload_keeps_the_runtime_that_was_asked_for(tmp_path):
    (tmp_path / "words.py").write_text(PLUGIN)
    (tmp_path / "dagstack.toml").write_text(MANIFEST)
    with Host() as host:
        client = host.load(tmp_path, TextProcessorClient, runtime="mcp_stdio")
        (tmp_path / "words.py").write_text("raise ValueError")
        with pytest.raises(ScaffoldError):
            host.reload("words")
        (tmp_path / "words.py").write_text(PLUGIN)
        host.reload("words")
        assert host["words"].runtime == "mcp_stdio"
        assert client.process(text("a")).text == "a"


def test_a_close_that_was_interrupted_gives_its_turn_back():
    closing = CloseOnce()
    with suppress(KeyboardInterrupt), closing.turn() as mine:
        assert mine
        raise KeyboardInterrupt
    assert not closing.is_around
    with closing.turn() as mine, closing.turn() as second:
        assert (mine, second) == (True, False)
    assert closing.is_over()


def test_a_step_of_a_stream_that_is_interrupted_leaves_the_stream_free():
    def items():
        yield 1
        raise KeyboardInterrupt

    stream = stream_steps.IteratorSteps(items(), copy_context())
    assert stream.step() == 1
    with pytest.raises(KeyboardInterrupt):
        stream.step()
    assert stream.step() is stream_steps.END
    stream.close()


def test_threads_take_the_steps_of_a_stream_in_turn():
    gate = Gate()

    def items():
        gate.pass_by()
        yield "first"
        yield "second"

    stream = stream_steps.IteratorSteps(items(), copy_context())
    first = in_thread(stream.step)
    assert gate.reached.wait(PATIENCE)
    second = in_thread(stream.step)
    stream.close()  # the thread that takes the step does it
    gate.open.set()
    assert first() == "first"
    assert second() is stream_steps.END
