"""A plugin whose log never takes a record: its hook is stuck in a handler, with the lock held."""

import logging
import os
import time
from pathlib import Path

from typing_extensions import override

from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin


class Remote(logging.Handler):
    """A log server that does not answer."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        Path(os.environ["NOTES"], "stuck").touch()
        time.sleep(3600)


logging.getLogger("remote").addHandler(Remote())


class Stuck(ToolPlugin):
    """Logs in its hook and in its teardown."""

    def teardown(self) -> None:
        logging.getLogger("remote").warning("the end")

    def get_schema(self) -> list[Function]:
        return [Function(name="log", description="Logs.", parameters={"type": "object"})]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        logging.getLogger("remote").warning("hello")
        return ExecuteOutput(result=None)
