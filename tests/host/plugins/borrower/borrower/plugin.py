"""A tool that uses everything a plugin can be lent, and tells what came of it."""

import os
from typing import Any

from scaffold.contract import PluginContext
from scaffold.kinds.tool_v1 import ExecuteInput, ExecuteOutput, Function, ToolPlugin

NAMES = ["lent", "chance", "keep", "kept", "web", "work", "publish", "metadata", "spans", "leave"]


class BorrowerPlugin(ToolPlugin):
    """Uses what it is lent."""

    def setup(self, context: PluginContext) -> None:
        """Keep the context, and listen."""
        self.context = context
        self.heard: list[Any] = []
        context.event_bus.subscribe("news", self.heard.append)
        if context.config.get("spans"):
            self.exporter = collecting()

    def get_schema(self) -> list[Function]:
        """List what it can do."""
        parameters = {"type": "object"}
        return [Function(name=name, description="Do.", parameters=parameters) for name in NAMES]

    def execute(self, payload: ExecuteInput) -> ExecuteOutput:
        """Do it."""
        return ExecuteOutput(result=getattr(self, f"do_{payload.function}")(payload.args))

    def do_lent(self, _args: Any) -> Any:
        lent = self.context.resources
        return {
            "names": sorted(lent),
            "now": lent["clock"].now(),
            "tmpdir": str(lent["tmpdir"]) if lent["tmpdir"].is_dir() else None,
            "facts": dict(self.context.facts),
            "config": dict(self.context.config),
            "process": os.getpid(),
        }

    def do_chance(self, _args: Any) -> Any:
        return self.context.resources["rng"].random()

    def do_keep(self, args: Any) -> Any:
        self.context.resources["blob_store"].put("letter", args["text"].encode())
        return self.context.checkpoint.save("letter", {"text": args["text"]})

    def do_kept(self, _args: Any) -> Any:
        blob = self.context.resources["blob_store"].get("letter")
        return [blob and blob.decode(), list(self.context.checkpoint.load("letter"))]

    def do_web(self, args: Any) -> Any:
        response = self.context.resources["http_client"].get(args["url"])
        return [response.status_code, response.json()]

    def do_work(self, _args: Any) -> Any:
        self.context.progress(1, 2, "half")
        self.context.metrics.count("work.done", 2, {"colour": "red"})
        with self.context.tracer.span("inside", {"depth": 1}) as span:
            span.set("done", value=True)
            carrier = dict(self.context.tracer.carrier())
        return {"carrier": carrier, "metadata": dict(self.context.metadata)}

    def do_publish(self, args: Any) -> Any:
        self.context.event_bus.publish("news", args)
        return len(self.heard)

    def do_metadata(self, _args: Any) -> Any:
        return dict(self.context.metadata)

    def do_spans(self, _args: Any) -> Any:
        return [
            [span.name, span.context.span_id, span.parent and span.parent.span_id]
            for span in self.exporter.get_finished_spans()
        ]

    def do_leave(self, _args: Any) -> Any:
        os._exit(3)


def collecting() -> Any:
    """Have OpenTelemetry keep the spans of this process."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter
