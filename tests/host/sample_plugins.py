"""Small plugins of the shipped kinds, made to order."""

import asyncio
import threading

from scaffold.contract import StopChain
from scaffold.kinds.audit_logger_v1 import AuditLoggerPlugin, OnEventInput
from scaffold.kinds.chunker_v1 import Chunk, ChunkerPlugin, ChunkInput, ChunkOutput
from scaffold.kinds.orchestrator_v1 import (
    BackfillOutput,
    EnqueueOutput,
    OrchestratorPlugin,
    StatusInput,
    StatusOutput,
)
from scaffold.kinds.source_v1 import ListItemsInput, ListItemsOutput, SourcePlugin
from scaffold.kinds.text_processor_v1 import ProcessInput, TextProcessorPlugin
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

EVENT = OnEventInput.model_validate(
    {
        "id": "1",
        "time": "2026-01-01T00:00:00Z",
        "actor": {"type": "user", "id": "ada"},
        "action": "read",
        "outcome": "success",
    }
)


def text(content):
    return ProcessInput(text=content)


def document(path, **facts):
    return ChunkInput.model_validate({"document": {"path": path, "text": "a", **facts}})


class Named:
    name = ""

    def setup(self, context):
        self.name = context.plugin
        self.context = context


class Orchestrator(Named, OrchestratorPlugin):
    def enqueue(self, payload):
        return EnqueueOutput(unit_id=self.name)

    def status(self, payload):
        return StatusOutput(unit_id=self.name, state="queued")

    def backfill(self, payload):
        return BackfillOutput(unit_ids=[self.name])


class Source(Named, SourcePlugin):
    def list_items(self, payload):
        return ListItemsOutput(items=[], next_cursor=self.name)


class AsyncSource(Source):
    async def list_items(self, payload):
        await asyncio.sleep(0)
        return ListItemsOutput(items=[], next_cursor=self.name)


class BrokenSource(Source):
    well = False

    def list_items(self, payload):
        if not self.well:
            raise RuntimeError("the secret is out")
        return super().list_items(payload)

    def health(self):
        if not self.well:
            raise RuntimeError("no connection")


class Logger(Named, AuditLoggerPlugin):
    def __init__(self):
        self.heard = []
        self.told = threading.Event()

    def on_event(self, payload):
        self.heard.append(payload)
        self.told.set()


class BrokenLogger(Named, AuditLoggerPlugin):
    def on_event(self, payload):
        raise RuntimeError("disk full")


class Appender(Named, TextProcessorPlugin):
    def process(self, payload):
        return ProcessInput(text=f"{payload.text}{self.name}")


class AsyncAppender(Appender):
    async def process(self, payload):
        return ProcessInput(text=f"{payload.text}{self.name}")


class Stopper(Named, TextProcessorPlugin):
    def process(self, payload):
        raise StopChain(ProcessInput(text=f"{payload.text}stop"))


class BrokenProcessor(Named, TextProcessorPlugin):
    def process(self, payload):
        raise RuntimeError("jam")


class Chunker(Named, ChunkerPlugin):
    def chunk(self, payload):
        span = {"unit": "line", "first": 1, "last": 1}
        return ChunkOutput(chunks=[Chunk.model_validate({"text": self.name, "span": span})])


class Tool(Named, ToolPlugin):
    def get_schema(self):
        return [
            Function(name=name, description="An example.", parameters={"type": "object"})
            for name in ("say", f"say_{self.name}")
        ]

    def execute(self, payload: ExecuteInput):
        return ExecuteOutput(result=self.name)


STATUS = StatusInput(unit_id="1")
LIST = ListItemsInput()
