"""Metrics, spans and events: what a host and its plugins tell of themselves."""

import asyncio
import threading
from pathlib import Path

import pytest
import sample_plugins as samples
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from scaffold.contract import HookError, calling_with
from scaffold.host import AsyncHost, Host
from scaffold.kinds.source_v1 import AsyncSourceDispatcher, SourceDispatcher
from scaffold.kinds.tool_v1 import ExecuteInput, ToolClient
from scaffold.resources.otel import OtelMetrics, OtelTracer

BORROWER = Path(__file__).parent / "plugins/borrower"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Book:
    """Metrics that are written down."""

    def __init__(self):
        self.lines = []

    def count(self, name, amount=1, labels=()):
        self.lines.append(("count", name, amount, dict(labels)))

    def record(self, name, value, labels=()):
        self.lines.append(("record", name, value >= 0, dict(labels)))

    def gauge(self, name, value, labels=()):
        self.lines.append(("gauge", name, value, dict(labels)))


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return OtelTracer(provider), exporter.get_finished_spans


def ask(client, function, **args):
    return client.execute(ExecuteInput(function=function, args=args)).result


def test_a_host_counts_and_times_every_call_and_its_failures():
    book = Book()
    with Host(metrics=book) as host:
        sources = host.kind(SourceDispatcher, best_effort=["list_items"])
        host.add(samples.Source, "north")
        host.add(samples.BrokenSource, "south")
        host.start()
        sources.list_items(samples.LIST)
    labels = {"kind": "source", "hook": "list_items", "runtime": "in_process"}
    north, south = {"plugin": "north", **labels}, {"plugin": "south", **labels}
    assert book.lines == [
        ("count", "scaffold.hook.calls", 1, north),
        ("record", "scaffold.hook.seconds", True, north),
        ("count", "scaffold.hook.errors", 1, {**south, "error": "internal"}),
        ("count", "scaffold.hook.calls", 1, south),
        ("record", "scaffold.hook.seconds", True, south),
    ]


def test_what_a_plugin_measures_has_its_name_and_kind():
    book = Book()
    with Host(metrics=book) as host:
        ask(host.load(BORROWER, ToolClient), "work")
    labels = {"plugin": "borrower", "kind": "tool", "colour": "red"}
    assert ("count", "work.done", 2, labels) in book.lines


def test_a_call_has_a_span_below_the_callers_and_the_plugins_own_are_below_it(spans):
    tracer, finished = spans
    trace = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    with Host(tracer=tracer) as host:
        borrower = host.load(BORROWER, ToolClient)
        with calling_with({"trace_context": trace}):
            told = ask(borrower, "work")
    inside, call = finished()
    assert (inside.name, call.name) == ("inside", "tool.execute")
    assert inside.parent.span_id == call.context.span_id
    assert call.parent.span_id == 0xB7AD6B7169203331
    assert f"{call.context.trace_id:032x}" == TRACE
    assert dict(inside.attributes) == {"depth": 1, "done": True}
    assert call.attributes["plugin"] == "borrower"
    assert told["carrier"]["traceparent"] == f"00-{TRACE}-{inside.context.span_id:016x}-01"
    assert len(told["metadata"]["request_id"]) == 32


def test_a_span_in_the_plugins_process_is_a_child_of_the_hosts(spans):
    tracer, finished = spans
    with Host(tracer=tracer) as host:
        host.configure("borrower", {"spans": True})
        borrower = host.load(BORROWER, ToolClient, runtime="mcp_stdio")
        ask(borrower, "work")
        listed = {name: (own, parent) for name, own, parent in ask(borrower, "spans")}
    call = finished()[0]
    own, parent = listed["tool.execute"]
    assert parent == call.context.span_id
    assert listed["inside"][1] == own


def test_a_failure_is_noted_in_its_span_by_its_code_and_nothing_else(spans):
    def deny(_call, _proceed):
        raise HookError("permission_denied", "ada may not read the salaries")

    tracer, finished = spans
    with Host(tracer=tracer) as host:
        host.use(deny)
        borrower = host.load(BORROWER, ToolClient)
        with pytest.raises(HookError):
            ask(borrower, "work")
    (span,) = finished()
    assert span.attributes["error.type"] == "permission_denied"
    assert (span.status.is_ok, span.status.description) == (False, "permission_denied")
    assert not span.events


def test_metrics_reach_opentelemetry():
    reader = InMemoryMetricReader()

    async def run():
        async with AsyncHost(metrics=OtelMetrics(MeterProvider([reader]))) as host:
            sources = host.kind(AsyncSourceDispatcher)
            host.add(samples.AsyncSource, "north")
            await host.start()
            await sources.list_items(samples.LIST)
            await sources.list_items(samples.LIST)

    asyncio.run(run())
    (resource,) = reader.get_metrics_data().resource_metrics
    found = {one.name: one for one in resource.scope_metrics[0].metrics}
    (calls,) = found["scaffold.hook.calls"].data.data_points
    assert (calls.value, calls.attributes["plugin"]) == (2, "north")
    (seconds,) = found["scaffold.hook.seconds"].data.data_points
    assert seconds.count == 2


def test_an_event_reaches_all_who_listen_each_with_a_copy():
    first, second, done = [], [], threading.Semaphore(0)

    class Listener(samples.Source):
        heard = first

        def setup(self, context):
            super().setup(context)
            context.event_bus.subscribe("news", self.hear)

        def hear(self, payload):
            self.heard.append(payload)
            payload["seen"] = True
            done.release()

    class AsyncListener(Listener):
        heard = second

        async def hear(self, payload):
            await asyncio.sleep(0)
            super().hear(payload)

    with Host() as host:
        host.kind(SourceDispatcher)
        host.add(Listener, "first")
        host.add(AsyncListener, "second")
        host.start()
        bus = host.event_bus
        bus.publish("news", {"a": 1})
        bus.publish("olds", {"a": 2})
        assert done.acquire(timeout=30)
        assert done.acquire(timeout=30)
        with pytest.raises(TypeError, match="the payload of an event is JSON"):
            bus.publish("news", object())
    bus.publish("news", {"a": 3})
    assert first == second == [{"a": 1, "seen": True}]


def test_events_are_heard_in_an_event_loop():
    heard = []

    async def run():
        async with AsyncHost() as host:
            host.kind(AsyncSourceDispatcher)
            host.add(samples.AsyncSource, "north")
            await host.start()
            bus = host.event_bus

            async def hear(payload):
                heard.append(payload)

            subscription = bus.subscribe("news", hear)
            await asyncio.to_thread(bus.publish, "news", 1)
            await asyncio.sleep(0.05)
            bus.unsubscribe(subscription)
            bus.publish("news", 2)
            await asyncio.sleep(0.05)

    asyncio.run(run())
    assert heard == [1]
