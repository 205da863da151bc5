"""A plugin that says where it runs, and how often it was called."""

import asyncio

from scaffold.contract import HookError
from scaffold.kinds.text_processor_v1 import ProcessInput, ProcessOutput, TextProcessorPlugin
from scaffold.server._protocol import toolbox

vars(toolbox).update(_FAST=60.0, _SLOW=60.0, _BLOCKING=60.0)  # whatever else the machine is doing


def _place() -> str:
    try:
        return "in the loop" if asyncio.current_task() is None else "in a task"
    except RuntimeError:
        return "on a thread"


class Repeats(TextProcessorPlugin):
    """Answers every text alike."""

    calls = 0

    def process(self, payload: ProcessInput) -> ProcessOutput:
        self.calls += 1
        if payload.text == "incapable":
            raise HookError("missing_capability", "no roots", {"requiredCapabilities": {}})
        if payload.text == "strange":
            raise HookError("unsupported_language", "no luck")
        return ProcessOutput(text=f"{payload.text} {self.calls} {_place()}")
