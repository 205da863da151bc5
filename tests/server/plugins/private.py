"""A plugin with a secret among its settings, which looks where else the secret can be found."""

import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

from scaffold.contract import PluginContext
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

PROBE = "import os, pathlib; print(dict(os.environ), pathlib.Path('/proc/%d/environ').read_bytes())"


def seen() -> str:
    """Return what this process and a process that it starts see of environments."""
    own = str(dict(os.environ)) + str(Path("/proc/self/environ").read_bytes())
    command = [sys.executable, "-c", PROBE % os.getpid()]
    return own + subprocess.run(command, capture_output=True, text=True, check=True).stdout


AT_IMPORT = seen()


class Private(ToolPlugin):
    """Says whether it has its settings, and who else has them."""

    def setup(self, context: PluginContext) -> None:
        self.config = dict(context.config)

    def get_schema(self) -> list[Function]:
        return [Function(name="look", description="Looks.", parameters={"type": "object"})]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        with get_context("fork").Pool(1) as pool:  # a hook may fork, too
            forked = pool.apply(seen)
        found = {"import": AT_IMPORT, "hook": seen(), "fork": forked}
        return ExecuteOutput(
            result={
                "config": self.config,
                "found": [where for where, text in found.items() if "swordfish" in text],
            }
        )
