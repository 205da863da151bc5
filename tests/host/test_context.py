"""What a plugin learns of its host: settings, metadata, resources, other plugins, progress."""

import asyncio
import logging
import os
import random
from pathlib import Path

import pytest
import sample_plugins as samples
from served_plugin import served

from scaffold.contract import HookError, calling_with
from scaffold.contract._context.call_context import reporting_to
from scaffold.contract._errors.errors import PluginError
from scaffold.host import AsyncHost, Clock, Host
from scaffold.kinds.source_v1 import SourceClient, SourceDispatcher
from scaffold.kinds.tool_v1 import AsyncToolClient, ExecuteInput, ToolClient, ToolDispatcher

TELLER = Path(__file__).parent / "plugins/teller"
WIRES = ["in_process", "mcp_stdio"]


def ask(function):
    return ExecuteInput(function=function, args={})


@pytest.mark.parametrize("runtime", WIRES)
def test_metadata_of_a_call_crosses_to_the_plugin_and_ends_with_the_block(runtime):
    facts = {} if runtime == "mcp_stdio" else {"region": "north"}
    with Host(facts) as host:
        teller = host.load(TELLER, ToolClient, runtime=runtime)
        trace = {"traceparent": "00-1"}
        outer = calling_with({"tenant_id": "t1", "trace_context": trace})
        with outer, calling_with({"request_id": "r1"}):
            told = teller.execute(ask("metadata")).result
        assert told == {
            **facts,
            "tenant_id": "t1",
            "trace_context": trace,
            "request_id": "r1",
        }
        assert teller.execute(ask("metadata")).result == facts


def test_metadata_of_a_call_crosses_http(tmp_path):
    serve = ["-m", "scaffold.server", "teller_tool:TellerPlugin", "--name", "teller"]
    with served(TELLER, serve) as url, Host() as host:
        text = f"name = 'teller'\nkind = 'tool'\nruntime = 'mcp_http'\nurl = '{url}'\n"
        (tmp_path / "dagstack.toml").write_text(text, encoding="utf-8")
        teller = host.load(tmp_path, ToolClient)
        with calling_with({"actor": "ada"}):
            assert teller.execute(ask("metadata")).result == {"actor": "ada"}
        assert teller.execute(ask("metadata")).result == {}


@pytest.mark.parametrize("runtime", WIRES)
def test_metadata_crosses_from_an_event_loop(runtime):
    async def run():
        async with AsyncHost() as host:
            teller = await host.load(TELLER, AsyncToolClient, runtime=runtime)

            async def tell(tenant):
                with calling_with({"tenant_id": tenant}):
                    return (await teller.execute(ask("metadata"))).result

            return await asyncio.gather(*(tell(f"t{place}") for place in range(8)))

    assert asyncio.run(run()) == [{"tenant_id": f"t{place}"} for place in range(8)]


@pytest.mark.parametrize("runtime", WIRES)
def test_settings_reach_the_plugin_those_of_the_host_over_those_of_the_manifest(runtime):
    with Host() as host:
        host.configure("teller", {"volume": 11})
        teller = host.load(TELLER, ToolClient, runtime=runtime)
        assert teller.execute(ask("config")).result == {"greeting": "hello", "volume": 11}


def test_settings_that_break_the_schema_make_the_plugin_unavailable_and_are_not_repeated():
    with Host() as host:
        host.kind(ToolDispatcher)
        host.configure("teller", {"greeting": 4711})
        status = host.register(TELLER)
    assert status.reason == "teller: its settings break its config_schema: /greeting [type]"


def test_resources_are_lent_by_name_and_doubles_take_their_place():
    class Frozen(Clock):
        def now(self):
            return 0.0

    with Host() as host:
        host.kind(SourceDispatcher)
        host.provide("clock", lambda _stack: Frozen())
        host.provide("rng", lambda _stack: random.Random(7))
        wanted = {"required": ["clock", "rng", "tmpdir"], "optional": ["postgres"]}
        host.add(samples.Source, "lucky", resources=wanted)
        host.add(samples.Source, "poor", resources={"required": ["postgres"]})
        host.start()
        lent = host["lucky"].channel.plugin.context.resources
        assert sorted(lent) == ["clock", "rng", "tmpdir"]
        assert lent["clock"].now() == 0
        assert lent["rng"].random() == random.Random(7).random()
        assert lent["tmpdir"].is_dir()
        there = "blob_store, clock, http_client, rng, tmpdir"
        reason = f"it requires the resource 'postgres'; available here: {there}"
        assert host.status["poor"].reason == reason
    assert not lent["tmpdir"].exists()


def test_a_plugin_reaches_those_it_depends_on_by_typed_clients():
    class Relay(samples.Source):
        def setup(self, context):
            super().setup(context)
            self.other = context.registry.client("origin", SourceClient)

        def list_items(self, payload):
            return self.other.list_items(payload)

    with Host() as host:
        host.kind(SourceDispatcher)
        host.add(samples.Source, "origin")
        host.add(Relay, "relay", depends_on=["origin"])
        host.start()
        assert host.client("relay", SourceClient).list_items(samples.LIST).next_cursor == "origin"
        with pytest.raises(PluginError, match="ghost: no plugin of this name is in use"):
            host.client("ghost", SourceClient)
        with pytest.raises(PluginError, match="it is of kind source, not for ToolClient"):
            host.client("relay", ToolClient)


def test_the_logger_has_the_plugins_name_and_progress_reaches_who_listens(caplog):
    class Talker(samples.Source):
        def list_items(self, payload):
            self.context.logger.warning("working")
            self.context.progress(1, 2, "half")
            return super().list_items(payload)

    heard = []
    with Host() as host:
        sources = host.kind(SourceDispatcher)
        host.add(Talker, "talker")
        host.start()
        with reporting_to(lambda *report: heard.append(report)), caplog.at_level(logging.WARNING):
            sources.list_items(samples.LIST)
    assert heard == [(1, 2, "half")]
    assert [record.name for record in caplog.records] == ["plugin.talker"]


@pytest.mark.parametrize(
    ("model", "elsewhere"),
    [("sync", False), ("thread_cpu_bound", False), ("process_cpu_bound", True)],
)
def test_a_plugin_that_keeps_a_core_busy_is_given_a_process_of_its_own(tmp_path, model, elsewhere):
    for file in TELLER.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    said = (tmp_path / "dagstack.toml").read_text(encoding="utf-8").partition("[plugin.mcp_stdio]")
    text = said[0].replace('["in_process", "mcp_stdio"]', '"in_process"')
    text = text.replace("[plugin]\n", f"[plugin]\nexecution_model = '{model}'\n")
    (tmp_path / "dagstack.toml").write_text(text, encoding="utf-8")

    with Host() as host:
        teller = host.load(tmp_path, ToolClient)
        assert (teller.execute(ask("process")).result != os.getpid()) is elsewhere
        assert host["teller"].runtime == ("mcp_stdio" if elsewhere else "in_process")


@pytest.mark.parametrize("runtime", WIRES)
def test_the_sentinel_of_a_chain_crosses_the_wire(runtime):
    with Host() as host:
        teller = host.load(TELLER, ToolClient, runtime=runtime)
        with pytest.raises(HookError) as caught:
            teller.execute(ask("stop"))
    assert (caught.value.code, caught.value.data) == ("stop_chain", {"result": "stop"})
