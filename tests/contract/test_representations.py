"""What `repr` shows of errors and clients: enough to tell them apart in a log or a debugger."""

import pytest

from scaffold.contract import (
    DeadlineExceeded,
    HookError,
    InternalError,
    InvalidInput,
    PluginError,
    PluginLoadError,
    Problem,
)
from scaffold.kinds.tool_v1 import ToolClient

INVALID = InvalidInput("h", [Problem("/a", "type", "not a number")])


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (HookError("not_found", "no such file"), "<HookError code='not_found': no such file>"),
        (InternalError("it failed"), "<InternalError code='internal': it failed>"),
        (DeadlineExceeded("after 5 s"), "<DeadlineExceeded code='deadline-exceeded': after 5 s>"),
        (PluginError("p", "it is gone"), "<PluginError code='plugin' plugin='p': it is gone>"),
        (PluginLoadError("p", "no"), "<PluginLoadError code='plugin-load' plugin='p': no>"),
        (
            INVALID,
            "<InvalidInput code='invalid_input' hook='h': h: /a: not a number [type]>",
        ),
    ],
)
def test_an_error_shows_its_code_its_plugin_or_hook_and_its_message(error, shown):
    assert repr(error) == shown


def test_a_long_message_is_shortened():
    assert len(repr(HookError("too_long", "x" * 100_000))) < 1000


def test_a_client_shows_its_kind_and_its_runtime(tool_channel):
    version = ToolClient.kind.version
    assert repr(ToolClient(tool_channel)) == f"<ToolClient tool {version} over in_process>"


@pytest.fixture
def tool_channel():
    class Channel:
        runtime = "in_process"

        def bind(self, hook):
            return lambda _payload: None

        stream = bind

        def close(self):
            pass

    return Channel()
