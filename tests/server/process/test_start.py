from pathlib import Path
from typing import ClassVar

import pytest

from scaffold.contract import Dispatch, Kind, Plugin, PluginContext
from scaffold.contract._errors.errors import RuntimeNotSupported
from scaffold.contract._hooks.hook import Hook
from scaffold.server import serve
from scaffold.server._hosted_plugin import describe_failure, load_plugin
from scaffold.server._options import Options, read_options


class Hidden(Plugin):
    """A plugin whose one hook stays in the host's process."""

    kind: ClassVar[Kind] = Kind(
        "hidden",
        "1.0.0",
        (Hook("look", Dispatch.SINGLETON, exposed=False),),
        digest="0",
        contract=Path("unread"),
    )

    def setup(self, context: PluginContext) -> None:
        raise AssertionError("never set up")


def test_a_kind_for_use_in_process_only_is_not_served() -> None:
    with pytest.raises(RuntimeNotSupported) as refusal:
        load_plugin(Hidden, "hidden")
    assert describe_failure(refusal.value) == (
        "the kind 'hidden' works in process only: it exposes no hook"
    )


def test_help_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        serve(Hidden, arguments=["--help"])
    assert exit_.value.code == 0
    assert "--http" in capsys.readouterr().out


def test_flags_go_before_the_environment() -> None:
    environment = {"MCP_TRANSPORT": "http", "MCP_HTTP_PORT": "9090", "MCP_PORT": "7070"}
    assert read_options([], environment) == Options(http=True, port=9090)
    assert read_options(["--stdio", "--port", "1"], environment) == Options(port=1)
    assert read_options([], {"MCP_PORT": "7070"}) == Options(port=7070)
    assert read_options([], {}) == Options()
