"""The plugins that the servers' tests serve: one of plain functions, one of `async` ones."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from scaffold.contract import HookError, JsonObject, MaybeAwaitable, PluginContext, report_progress
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

sys.stdout.write("a word at import\n")

PARAMETERS: dict[str, JsonObject] = {
    "greet": {"name": {"type": "string"}},
    "sleep": {"seconds": {"type": "number"}},
    "block": {"seconds": {"type": "number"}},
    "count": {"to": {"type": "integer"}},
    "route": {"region": {"type": "string", "x-mcp-header": "Region"}},
    "astray": {"region": {"type": "string", "x-mcp-header": "no header"}},
}
FUNCTIONS = (
    "greet",
    "sleep",
    "count",
    "route",
    "astray",
    "raise",
    "fail",
    "exit",
    "wrong",
    "shout",
    "child",
    "pid",
    "block",
    "stubborn",
    "fork",
)


def note(word: str) -> None:
    """Leave a word where a test looks for it."""
    folder = os.environ.get("NOTES")
    if folder:
        (Path(folder) / word).touch()


class Plain(ToolPlugin):
    """A tool plugin of plain functions."""

    def setup(self, context: PluginContext) -> MaybeAwaitable[None]:
        note("set up")
        return None

    def teardown(self) -> None:
        note("torn down")

    def get_schema(self) -> list[Function]:
        return [
            Function(
                name=name,
                description=f"Does {name}.",
                parameters={"type": "object", "properties": PARAMETERS.get(name, {})},
            )
            for name in FUNCTIONS
        ]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput | Awaitable[ExecuteOutput]:
        # Unchecked, since one of the functions answers what is no JSON.
        return ExecuteOutput.model_construct(result=self.run(payload.function, payload.args))

    def run(self, function: str, args: JsonObject) -> Any:
        work: Callable[[JsonObject], Any] = getattr(self, f"do_{function}")
        return work(args)

    def do_greet(self, args: JsonObject) -> str:
        return f"Hello, {args.get('name', 'world')}!"

    def do_sleep(self, args: JsonObject) -> None:
        note("asleep")
        time.sleep(args["seconds"])

    def do_count(self, args: JsonObject) -> None:
        for step in range(args["to"]):
            report_progress(step + 1, args["to"], f"step {step + 1}")

    def do_route(self, args: JsonObject) -> str:
        return str(args.get("region"))

    def do_raise(self, _args: JsonObject) -> None:
        raise RuntimeError("a secret")

    def do_fail(self, _args: JsonObject) -> None:
        raise HookError("tool_failed", "no luck", {"why": 7})

    def do_exit(self, _args: JsonObject) -> None:
        sys.exit(3)

    def do_wrong(self, _args: JsonObject) -> object:
        return object()

    def do_shout(self, _args: JsonObject) -> str:
        sys.stdout.write("a word in a hook\n")
        subprocess.run(["echo", "a word of a child"], check=True)
        return sys.stdin.read()

    def do_pid(self, _args: JsonObject) -> int:
        return os.getpid()

    def do_block(self, args: JsonObject) -> int:
        note("blocked")
        time.sleep(args["seconds"])
        return os.getpid()

    def do_stubborn(self, _args: JsonObject) -> int:
        child = subprocess.Popen(
            ["sh", "-c", "trap '' TERM; echo ready; exec sleep 60"], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        return child.pid

    def do_fork(self, _args: JsonObject) -> int:
        """Tell a fork to end, as `multiprocessing` does."""
        pid = os.fork()
        if not pid:
            time.sleep(60)
            os._exit(0)
        os.kill(pid, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def do_child(self, _args: JsonObject) -> int:
        return subprocess.Popen(["sleep", "60"]).pid


class Awaited(Plain):
    """The same, awaited."""

    async def setup(self, context: PluginContext) -> None:
        await asyncio.sleep(0)
        note("set up")

    async def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        if payload.function == "sleep":
            note("asleep")
            try:
                await asyncio.sleep(payload.args["seconds"])
            except asyncio.CancelledError:
                note("cancelled")
                raise
            return ExecuteOutput(result=None)
        # Unchecked, since one of the functions answers what is no JSON.
        return ExecuteOutput.model_construct(result=self.run(payload.function, payload.args))


class Unready(Plain):
    """Cannot be set up."""

    def setup(self, context: PluginContext) -> None:
        raise ValueError("no database\nat all")


class Unfinished(ToolPlugin):
    """Lacks its hooks."""


class Stubborn(Plain):
    """Does not let go."""

    def teardown(self) -> None:
        time.sleep(60)


class Lingering(Plain):
    """Keeps the interpreter from finalising for as many seconds as LINGERS says."""

    def setup(self, context: PluginContext) -> None:
        super().setup(context)
        # What is kept here is destroyed after all exit handlers have run.
        vars(sys)["lingering"] = _Lingering()


class _Lingering:
    def __init__(self) -> None:
        self.seconds = float(os.environ["LINGERS"])

    def __del__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        sleep(self.seconds)
