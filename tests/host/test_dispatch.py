"""The five dispatch classes and the conflicts of ADR-0002, called through generated dispatchers."""

import asyncio
import logging
import subprocess
import sys
import threading

import pytest
import sample_plugins as samples

from scaffold.contract import HookError, InternalError, Kind, Wanted, calling_with
from scaffold.contract._errors.errors import AmbiguousPlugin, DependencyCycle, NoCapableHandler
from scaffold.host import AsyncHost, Host
from scaffold.kinds.audit_logger_v1 import AsyncAuditLoggerDispatcher, AuditLoggerDispatcher
from scaffold.kinds.chunker_v1 import AsyncChunkerDispatcher, ChunkerDispatcher
from scaffold.kinds.orchestrator_v1 import (
    ORCHESTRATOR,
    AsyncOrchestratorDispatcher,
    OrchestratorDispatcher,
)
from scaffold.kinds.source_v1 import SOURCE, AsyncSourceDispatcher, SourceDispatcher
from scaffold.kinds.text_processor_v1 import AsyncTextProcessorDispatcher, TextProcessorDispatcher
from scaffold.kinds.tool_v1 import AsyncToolDispatcher, ExecuteInput, ToolDispatcher


@pytest.fixture
def host():
    with Host() as host:
        yield host


def started(host, dispatcher, *plugins, **options):
    """Register the plugins — a class, a name and keys of its manifest — and start the host."""
    calls = host.kind(dispatcher, **options)
    for made, name, keys in plugins:
        host.add(made, name, **keys)
    host.start()
    return calls


# singleton


def test_singleton_registered_candidates_are_sorted_by_priority_desc_the_highest_wins(host):
    low, high = (
        (samples.Orchestrator, "low", {"priority": 1}),
        (samples.Orchestrator, "high", {"priority": 2}),
    )
    calls = started(host, OrchestratorDispatcher, low, high)
    assert calls.status(samples.STATUS).unit_id == "high"


def test_a_global_config_override_goes_over_priority(host, monkeypatch):
    monkeypatch.setenv("DAGSTACK_ACTIVE_ORCHESTRATOR", "low")
    low, high = (
        (samples.Orchestrator, "low", {"priority": 1}),
        (samples.Orchestrator, "high", {"priority": 2}),
    )
    calls = started(host, OrchestratorDispatcher, low, high)
    assert calls.status(samples.STATUS).unit_id == "low"


def test_an_override_that_names_no_plugin_in_use_says_what_there_is(host, monkeypatch):
    monkeypatch.setenv("DAGSTACK_ACTIVE_ORCHESTRATOR", "gone")
    calls = started(host, OrchestratorDispatcher, (samples.Orchestrator, "one", {}))
    with pytest.raises(NoCapableHandler, match="names 'gone', which is not in use"):
        calls.status(samples.STATUS)


def test_an_explicit_routing_policy_goes_over_the_override_and_is_asked_for_each_call(
    host, monkeypatch
):
    monkeypatch.setenv("DAGSTACK_ACTIVE_ORCHESTRATOR", "low")
    host.route(ORCHESTRATOR, lambda metadata: metadata.get("group"))
    low, high = (
        (samples.Orchestrator, "low", {"priority": 1}),
        (samples.Orchestrator, "high", {"priority": 2}),
    )
    calls = started(host, OrchestratorDispatcher, low, high)

    with calling_with({"group": "high"}):
        assert calls.status(samples.STATUS).unit_id == "high"
    assert calls.status(samples.STATUS).unit_id == "low"
    with calling_with({"group": "none"}), pytest.raises(NoCapableHandler, match="'none'"):
        calls.status(samples.STATUS)


def test_singleton_ambiguity_equal_priority_is_ambiguous_plugin_the_core_does_not_start(
    host, monkeypatch
):
    host.kind(OrchestratorDispatcher)
    host.add(samples.Orchestrator, "a", priority=1)
    host.add(samples.Orchestrator, "b", priority=1)
    words = "equal priority for kind=orchestrator, set DAGSTACK_ACTIVE_ORCHESTRATOR to disambiguate"
    with pytest.raises(AmbiguousPlugin, match=words):
        host.start()
    assert not host.plugins

    monkeypatch.setenv("DAGSTACK_ACTIVE_ORCHESTRATOR", "b")
    host.start()
    assert sorted(host.plugins) == ["a", "b"]


def test_a_call_that_finds_no_plugin_says_so(host):
    with pytest.raises(NoCapableHandler, match="orchestrator: no plugin of this kind is in use"):
        started(host, OrchestratorDispatcher).status(samples.STATUS)


def test_a_function_is_asked_of_the_plugin_that_has_it(host):
    calls = started(host, ToolDispatcher, (samples.Tool, "a", {}), (samples.Tool, "b", {}))
    assert calls.execute(ExecuteInput(function="say_b", args={})).result == "b"
    with pytest.raises(AmbiguousPlugin, match="both 'a' and 'b' have a function 'say'"):
        calls.execute(ExecuteInput(function="say", args={}))
    with pytest.raises(HookError, match="unknown_function"):
        calls.execute(ExecuteInput(function="sing", args={}))


def test_of_two_plugins_with_one_function_the_higher_priority_wins(host):
    calls = started(
        host, ToolDispatcher, (samples.Tool, "a", {}), (samples.Tool, "b", {"priority": 1})
    )
    assert calls.execute(ExecuteInput(function="say", args={})).result == "b"


# broadcast_collect


@pytest.mark.parametrize("made", [samples.Source, samples.AsyncSource])
def test_results_are_collected_in_priority_desc_order_with_ties_broken_by_name(host, made):
    plugins = [(made, "b", {}), (made, "a", {}), (made, "c", {"priority": 9})]
    calls = started(host, SourceDispatcher, *plugins)
    assert [one.next_cursor for one in calls.list_items(samples.LIST)] == ["c", "a", "b"]


def test_tryfirst_is_forced_to_run_first_and_trylast_last(host):
    plugins = [
        (samples.Source, "a", {"priority": 9, "trylast": True}),
        (samples.Source, "b", {"priority": 5}),
        (samples.Source, "c", {"tryfirst": True}),
    ]
    calls = started(host, SourceDispatcher, *plugins)
    assert [one.next_cursor for one in calls.list_items(samples.LIST)] == ["c", "b", "a"]


def test_fail_fast_by_default_a_failing_plugin_breaks_the_collect_and_is_marked_degraded(host):
    calls = started(
        host, SourceDispatcher, (samples.Source, "good", {}), (samples.BrokenSource, "broken", {})
    )
    with pytest.raises(InternalError) as caught:
        calls.list_items(samples.LIST)
    assert caught.value.__notes__ == ["plugin: broken"]
    assert "secret" not in str(caught.value)
    assert host.status["broken"].state == "degraded"
    assert host.status["good"].state == "ready"


def test_best_effort_a_plugin_failure_is_skipped_and_a_partial_result_is_returned(host):
    plugins = [(samples.BrokenSource, "broken", {"priority": 1}), (samples.Source, "good", {})]
    calls = started(host, SourceDispatcher, *plugins, best_effort=["list_items"])
    assert [one.next_cursor for one in calls.list_items(samples.LIST)] == ["good"]
    assert host.status["broken"].state == "degraded"


def test_a_kind_may_override_this_to_best_effort_through_the_kind_hookspec_metadata(host):
    hook = {**SOURCE.contract["hooks"]["list_items"], "error_policy": "best_effort"}
    patient = Kind.from_contract({**SOURCE.contract, "hooks": {"list_items": hook}})

    class Dispatcher(SourceDispatcher):
        kind = patient

        def bind(self, routes):
            self._list_items = routes.broadcast_collect(patient.hooks["list_items"])

    plugins = [(samples.BrokenSource, "broken", {"priority": 1}), (samples.Source, "good", {})]
    calls = started(host, Dispatcher, *plugins)
    assert [one["next_cursor"] for one in calls.list_items({})] == ["good"]


def test_an_empty_list_is_a_valid_result(host):
    assert started(host, SourceDispatcher).list_items(samples.LIST) == []


# broadcast_notify


def test_a_failure_of_an_individual_plugin_is_logged_and_does_not_propagate(host, caplog):
    logger = samples.Logger()
    calls = started(
        host,
        AuditLoggerDispatcher,
        (samples.BrokenLogger, "bad", {"priority": 9}),
        (logger, "good", {}),
    )
    with caplog.at_level(logging.WARNING):
        assert calls.on_event(samples.EVENT) is None
        assert logger.told.wait(30)
        host.close()
    assert logger.heard == [samples.EVENT]
    assert any("plugin=bad error=" in record.getMessage() for record in caplog.records)


def test_nobody_waits_for_who_is_notified_and_each_hears_in_order(host):
    logger, gate = samples.Logger(), threading.Event()

    class Slow(samples.Logger):
        def on_event(self, payload):
            gate.wait(30)
            super().on_event(payload)

    slow = Slow()
    calls = started(
        host, AuditLoggerDispatcher, (slow, "slow", {"priority": 9}), (logger, "quick", {})
    )
    for number in range(3):
        calls.on_event(samples.EVENT.model_copy(update={"id": str(number)}))
    assert logger.told.wait(30)
    assert not slow.heard
    gate.set()
    host.close()
    assert [event.id for event in slow.heard] == ["0", "1", "2"]


def test_who_never_comes_back_from_a_notification_does_not_keep_the_process_alive():
    script = """
import threading
from scaffold.host._concurrency.background_work import BackgroundCalls

calls, begun = BackgroundCalls(), threading.Event()
for plugin in "abc":
    calls.send(plugin, lambda _: (begun.set(), threading.Event().wait()), None)
begun.wait()
calls.close(0.05)
print("closed", flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("closed\n", "")


# chain


@pytest.mark.parametrize("made", [samples.Appender, samples.AsyncAppender])
def test_output_n_becomes_input_n_plus_1_in_strict_order_by_priority_desc(host, made):
    plugins = [(made, "a", {}), (made, "b", {"priority": 2}), (made, "c", {"priority": 1})]
    calls = started(host, TextProcessorDispatcher, *plugins)
    assert calls.process(samples.text("-")).text == "-bca"


def test_an_explicit_return_of_the_sentinel_ends_the_chain(host):
    plugins = [
        (samples.Appender, "a", {"priority": 3}),
        (samples.Stopper, "s", {"priority": 2}),
        (samples.Appender, "z", {"priority": 1}),
    ]
    calls = started(host, TextProcessorDispatcher, *plugins)
    assert calls.process(samples.text("-")).text == "-astop"
    assert host.status["s"].state == "ready"


def test_a_thrown_error_ends_the_chain_and_says_whose_it_is(host):
    plugins = [
        (samples.BrokenProcessor, "bad", {"priority": 2}),
        (samples.Appender, "z", {"priority": 1}),
    ]
    calls = started(host, TextProcessorDispatcher, *plugins)
    with pytest.raises(InternalError) as caught:
        calls.process(samples.text("-"))
    assert caught.value.__notes__ == ["plugin: bad"]


def test_a_chain_of_nobody_is_an_error(host):
    with pytest.raises(NoCapableHandler):
        started(host, TextProcessorDispatcher).process(samples.text("-"))


# capability


CHUNKERS = [
    (samples.Chunker, "markdown", {"supports_extensions": [".md"], "priority": 1}),
    (samples.Chunker, "python", {"supports_languages": ["python"], "supports_extensions": [".py"]}),
    (samples.Chunker, "html", {"supports_mime_types": ["text/html"], "priority": 2}),
    (samples.Chunker, "a_markdown", {"supports_extensions": [".md"], "priority": 1}),
]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (Wanted(extension=".md"), "a_markdown"),
        (Wanted.of_file("x/y.PY"), "python"),
        (Wanted(language="Python"), "python"),
        (Wanted(extension=".md", mime_type="text/html"), "html"),
    ],
)
def test_candidates_are_sorted_by_priority_desc_breaking_ties_by_name(host, wanted, name):
    calls = started(host, ChunkerDispatcher, *CHUNKERS)
    assert calls.chunk(samples.document("x"), wanted).chunks[0].text == name


def test_if_candidates_is_empty_the_plugin_with_fallback_true(host):
    spare = (samples.Chunker, "spare", {"fallback": True})
    calls = started(host, ChunkerDispatcher, *CHUNKERS, spare)
    assert calls.chunk(samples.document("x"), Wanted(extension=".zip")).chunks[0].text == "spare"


def test_with_no_fallback_and_a_non_matching_input_dispatch_error(host):
    calls = started(host, ChunkerDispatcher, *CHUNKERS)
    with pytest.raises(NoCapableHandler, match=r"extension='\.zip'.*none is the fallback"):
        calls.chunk(samples.document("x"), Wanted(extension=".zip"))


def test_plugins_without_supports_fields_are_treated_as_match_anything(host):
    calls = started(host, ChunkerDispatcher, *CHUNKERS, (samples.Chunker, "any", {}))
    assert calls.chunk(samples.document("x"), Wanted()).chunks[0].text == "any"
    assert calls.chunk(samples.document("x"), Wanted(extension=".py")).chunks[0].text == "python"


def test_two_fallback_true_plugins_per_kind_ambiguous_plugin_the_core_does_not_start(host):
    host.kind(ChunkerDispatcher)
    host.add(samples.Chunker, "a", fallback=True)
    host.add(samples.Chunker, "b", fallback=True)
    with pytest.raises(AmbiguousPlugin, match="these say they are: 'a', 'b'"):
        host.start()
    assert not host.plugins


# dependencies


def test_dependency_cycle_a_b_a_the_core_does_not_start(host):
    host.kind(SourceDispatcher)
    host.add(samples.Source, "a", depends_on=["b"])
    host.add(samples.Source, "b", depends_on=["a"])
    host.add(samples.Source, "c")
    with pytest.raises(DependencyCycle, match="a → b → a"):
        host.start()
    assert not host.plugins


def test_depends_on_a_missing_plugin_is_unavailable_the_rest_of_the_system_keeps_working(
    host,
):
    plugins = [(samples.Source, "a", {"depends_on": ["ghost"]}), (samples.Source, "b", {})]
    calls = started(host, SourceDispatcher, *plugins)
    assert host.status["a"].state == "unavailable"
    assert host.status["a"].reason == "it depends on 'ghost', which is missing"
    assert [one.next_cursor for one in calls.list_items(samples.LIST)] == ["b"]


# from an event loop


def test_an_event_loop_dispatches_all_five_classes():
    logger = samples.Logger()

    async def run():
        async with AsyncHost() as host:
            orchestrators = host.kind(AsyncOrchestratorDispatcher)
            sources = host.kind(AsyncSourceDispatcher)
            loggers = host.kind(AsyncAuditLoggerDispatcher)
            processors = host.kind(AsyncTextProcessorDispatcher)
            chunkers = host.kind(AsyncChunkerDispatcher)
            tools = host.kind(AsyncToolDispatcher)
            host.add(samples.Orchestrator, "orchestrator")
            host.add(samples.Source, "s1")
            host.add(samples.AsyncSource, "s2", priority=1)
            host.add(logger, "logger")
            host.add(samples.BrokenLogger, "broken")
            for place, made in enumerate(
                [samples.AsyncAppender, samples.Appender, samples.Stopper, samples.Appender]
            ):
                host.add(made, f"p{place}", priority=9 - place)
            host.add(samples.Chunker, "markdown", supports_extensions=[".md"])
            host.add(samples.Tool, "tool")
            await host.start()

            assert (await orchestrators.status(samples.STATUS)).unit_id == "orchestrator"
            listed = await sources.list_items(samples.LIST)
            assert [one.next_cursor for one in listed] == ["s2", "s1"]
            await loggers.on_event(samples.EVENT)
            assert (await processors.process(samples.text("-"))).text == "-p0p1stop"
            chunked = await chunkers.chunk(samples.document("x"), Wanted(extension=".md"))
            assert chunked.chunks[0].text == "markdown"
            with pytest.raises(NoCapableHandler):
                await chunkers.chunk(samples.document("x"), Wanted(extension=".zip"))
            assert (await tools.execute(ExecuteInput(function="say", args={}))).result == "tool"

    asyncio.run(run())
    assert logger.heard == [samples.EVENT]


def test_a_failing_plugin_breaks_an_awaited_collect_unless_best_effort_is_asked_for():
    async def run(best_effort):
        async with AsyncHost() as host:
            sources = host.kind(AsyncSourceDispatcher, best_effort=best_effort)
            host.add(samples.BrokenSource, "broken")
            host.add(samples.Source, "good")
            await host.start()
            return [one.next_cursor for one in await sources.list_items(samples.LIST)]

    with pytest.raises(InternalError):
        asyncio.run(run([]))
    assert asyncio.run(run(["list_items"])) == ["good"]
