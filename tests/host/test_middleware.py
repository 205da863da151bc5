"""What an application puts around the calls of its plugins."""

import asyncio

import pytest
import sample_plugins as samples

from scaffold.contract import HookError, calling_with
from scaffold.contract._errors.errors import PluginError
from scaffold.host import AsyncHost, Host
from scaffold.kinds.audit_logger_v1 import AuditLoggerDispatcher
from scaffold.kinds.chunker_v1 import ChunkerDispatcher
from scaffold.kinds.orchestrator_v1 import OrchestratorDispatcher
from scaffold.kinds.source_v1 import AsyncSourceDispatcher, SourceClient, SourceDispatcher
from scaffold.kinds.text_processor_v1 import ProcessInput, TextProcessorDispatcher


class Notes:
    """A middleware that notes what it sees."""

    def __init__(self, name="", into=None):
        self.name = name
        self.seen = [] if into is None else into

    def __call__(self, call, proceed):
        note = (call.plugin, call.runtime, f"{call.kind.name}.{call.hook.name}")
        self.seen.append((*note, dict(call.metadata)) if not self.name else self.name)
        return proceed(call.payload)


def source_host(*middleware, **named):
    host = Host()
    sources = host.kind(SourceDispatcher)
    for one in middleware:
        host.use(one, **named)
    host.add(samples.Source, "north")
    host.add(samples.Source, "south")
    host.start()
    return host, sources


def test_every_way_of_calling_goes_through_it():
    notes = Notes()
    with Host() as host:
        host.use(notes)
        kinds = (
            OrchestratorDispatcher,
            SourceDispatcher,
            AuditLoggerDispatcher,
            TextProcessorDispatcher,
            ChunkerDispatcher,
        )
        one, every, tell, chain, able = (host.kind(kind) for kind in kinds)
        for made in (
            samples.Orchestrator,
            samples.Source,
            samples.Logger,
            samples.Appender,
            samples.Chunker,
        ):
            host.add(made, made.__name__.lower())
        host.add(samples.Appender, "second")
        host.start()
        with calling_with({"actor": "ada"}):
            one.status(samples.STATUS)
            every.list_items(samples.LIST)
            assert chain.process(samples.text("a")).text == "aappendersecond"
            able.chunk(samples.document("a.md"), kin_wanted())
            tell.on_event(samples.EVENT)
            host.client("source", SourceClient).list_items(samples.LIST)
        assert host["logger"].channel.plugin.told.wait(30)
    assert sorted(notes.seen, key=str) == sorted(
        [
            ("orchestrator", "in_process", "orchestrator.status", {"actor": "ada"}),
            ("source", "in_process", "source.list_items", {"actor": "ada"}),
            ("source", "in_process", "source.list_items", {"actor": "ada"}),
            ("appender", "in_process", "text_processor.process", {"actor": "ada"}),
            ("second", "in_process", "text_processor.process", {"actor": "ada"}),
            ("chunker", "in_process", "chunker.chunk", {"actor": "ada"}),
            ("logger", "in_process", "audit_logger.on_event", {"actor": "ada"}),
        ],
        key=str,
    )


def kin_wanted():
    from scaffold.contract import Wanted

    return Wanted.of_file("a.md")


def test_the_highest_priority_is_outermost_and_of_equal_ones_the_first():
    seen = []
    with Host() as host:
        sources = host.kind(SourceDispatcher)
        host.use(Notes("quota", seen), priority=1500)
        host.use(Notes("audit", seen))
        host.use(Notes("trace", seen))
        host.use(Notes("rights", seen), priority=2000)
        host.add(samples.Source, "north")
        host.start()
        sources.list_items(samples.LIST)
    assert seen == ["rights", "quota", "audit", "trace"]


def test_it_is_kept_to_a_kind_or_a_hook():
    notes = Notes()
    with Host() as host:
        sources, chain = host.kind(SourceDispatcher), host.kind(TextProcessorDispatcher)
        host.use(notes, kind="source")
        host.use(notes, hook="no_such_hook")
        host.add(samples.Source, "north")
        host.add(samples.Appender, "appender")
        host.start()
        sources.list_items(samples.LIST)
        chain.process(samples.text("a"))
    assert [note[0] for note in notes.seen] == ["north"]


def test_it_changes_payloads_answers_and_metadata():
    class Told(samples.Appender):
        def process(self, payload):
            actor = self.context.metadata["actor"]
            return ProcessInput(text=f"{payload.text} by {actor}")

    def shout(call, proceed):
        with calling_with({"actor": "bob"}):
            answer = proceed(ProcessInput(text=call.payload.text.upper()))
        return ProcessInput(text=f"{answer.text}!")

    with Host() as host:
        chain = host.kind(TextProcessorDispatcher)
        host.use(shout)
        host.add(Told, "told")
        host.start()
        assert chain.process(samples.text("hello")).text == "HELLO by bob!"


def test_it_refuses_a_call_before_the_plugin_sees_it():
    def deny(call, proceed):
        if call.metadata.get("actor") != "ada":
            raise HookError("permission_denied", f"{call.hook.name} is not for you")
        return proceed(call.payload)

    host, sources = source_host(deny)
    with host, pytest.raises(HookError) as caught:
        sources.list_items(samples.LIST)
    assert caught.value.code == "permission_denied"
    assert caught.value.__notes__ == ["plugin: north"]
    assert {status.state for status in host.status.values()} == {"closed"}


def test_it_may_answer_itself_or_ask_again():
    asked = []

    def twice(call, proceed):
        asked.append(call.plugin)
        first = proceed(call.payload)
        return proceed(call.payload) if call.plugin == "north" else first

    host, sources = source_host(twice)
    with host:
        assert [one.next_cursor for one in sources.list_items(samples.LIST)] == ["north", "south"]
    assert asked == ["north", "south"]


def test_plugins_that_call_each_other_go_through_it():
    class Relay(samples.Source):
        def setup(self, context):
            super().setup(context)
            self.other = context.registry.client("origin", SourceClient)

        def list_items(self, payload):
            return self.other.list_items(payload)

    notes = Notes()
    with Host() as host:
        host.kind(SourceDispatcher)
        host.use(notes)
        host.add(samples.Source, "origin")
        host.add(Relay, "relay", depends_on=["origin"])
        host.start()
        host.client("relay", SourceClient).list_items(samples.LIST)
    assert [note[0] for note in notes.seen] == ["relay", "origin"]


def test_it_is_awaited_in_an_event_loop():
    seen = []

    async def note(call, proceed):
        await asyncio.sleep(0)
        seen.append(call.plugin)
        return await proceed(call.payload)

    async def run():
        async with AsyncHost() as host:
            sources = host.kind(AsyncSourceDispatcher)
            host.use(note)
            host.add(samples.Source, "north")
            host.add(samples.AsyncSource, "south")
            await host.start()
            return await sources.list_items(samples.LIST)

    assert [one.next_cursor for one in asyncio.run(run())] == ["north", "south"]
    assert seen == ["north", "south"]


def test_it_cannot_come_after_the_plugins():
    host, _ = source_host()
    with host, pytest.raises(PluginError, match="north: it is in use already"):
        host.use(Notes())


def test_a_host_that_waits_takes_no_coroutine_function():
    async def note(call, proceed):
        return await proceed(call.payload)

    with Host() as host, pytest.raises(TypeError, match="is a plain function"):
        host.use(note)


def test_without_any_a_client_has_the_plugins_own_channel():
    host, _ = source_host()
    with host:
        assert host.client("north", SourceClient).channel is host["north"].channel
