"""A plugin has the same around it wherever it runs: resources, checkpoints, facts, progress."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree

import pytest
import sample_plugins as samples
from served_plugin import served

from scaffold.contract import calling_with
from scaffold.contract._context.call_context import reporting_to
from scaffold.contract._errors.errors import PluginError
from scaffold.host import AsyncHost, Host
from scaffold.host._plugin_context import PluginEnvironment
from scaffold.kinds.source_v1 import AsyncSourceDispatcher, SourceDispatcher
from scaffold.kinds.tool_v1 import ExecuteInput, ToolClient
from scaffold.manifest._model import read_manifest
from scaffold.testing import every_runtime

BORROWER = Path(__file__).parent / "plugins/borrower"
SERVE = ["-m", "borrower"]
HERE_OR_NOT = ["in_process", "mcp_stdio"]
PATIENCE = 60.0
NOON = 1_769_860_800.0
EVERYTHING = ["blob_store", "clock", "http_client", "rng", "tmpdir"]


def ask(client, function, **args):
    return client.execute(ExecuteInput(function=function, args=args)).result


@pytest.fixture
def web():
    """A server that answers with the trace that it was asked in."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"traceparent": self.headers.get("traceparent")}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("runtime", HERE_OR_NOT)
def test_a_plugin_is_lent_what_it_asks_for_until_its_end(runtime):
    with Host({"region": "north"}) as host:
        borrower = host.load(BORROWER, ToolClient, runtime=runtime)
        told = ask(borrower, "lent")
        assert Path(told["tmpdir"]).is_dir()
    assert told["names"] == EVERYTHING
    assert told["facts"] == {"region": "north"}
    assert told["config"] == {"greeting": "hello"}
    assert not Path(told["tmpdir"]).exists()


def test_a_server_that_no_host_has_started_reads_the_manifest(tmp_path):
    with served(BORROWER, SERVE) as url, Host() as host:
        text = f"name = 'borrower'\nkind = 'tool'\nruntime = 'mcp_http'\nurl = '{url}'\n"
        (tmp_path / "dagstack.toml").write_text(text, encoding="utf-8")
        told = ask(host.load(tmp_path, ToolClient), "lent")
    assert (told["names"], told["config"]) == (EVERYTHING, {"greeting": "hello"})


@pytest.mark.parametrize("runtime", HERE_OR_NOT)
def test_what_a_plugin_keeps_is_in_the_storage_and_outlives_its_host(tmp_path, runtime):
    with Host(storage=tmp_path) as host:
        version = ask(host.load(BORROWER, ToolClient, runtime=runtime), "keep", text="dear")
    with Host(storage=tmp_path) as host:
        borrower = host.load(BORROWER, ToolClient, runtime=runtime)
        assert ask(borrower, "kept") == ["dear", [{"text": "dear"}, version]]


def test_a_checkpoint_outlives_the_process_that_has_saved_it():
    with Host() as host:
        borrower = host.load(BORROWER, ToolClient, runtime="mcp_stdio")
        ask(borrower, "keep", text="dear")
        before = ask(borrower, "lent")["process"]
        with pytest.raises(Exception, match="status 3"):
            ask(borrower, "leave")
        assert ask(borrower, "kept")[1][0] == {"text": "dear"}
        assert ask(borrower, "lent")["process"] != before


@pytest.mark.parametrize("runtime", HERE_OR_NOT)
def test_the_http_client_asks_in_the_trace_of_the_call(web, runtime):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with Host() as host:
        borrower = host.load(BORROWER, ToolClient, runtime=runtime)
        assert ask(borrower, "web", url=web) == [200, {"traceparent": None}]
        with calling_with({"trace_context": {"traceparent": trace}}):
            assert ask(borrower, "web", url=web) == [200, {"traceparent": trace}]


def test_the_http_client_has_deadlines_and_is_awaited_by_plugins_that_are():
    class Caller(samples.AsyncSource):
        async def list_items(self, payload):
            client = self.context.resources["http_client"]
            with pytest.raises(Exception, match="connect"):
                await client.get("http://127.0.0.1:1/")
            return await super().list_items(payload)

    wanted = {"required": ["http_client"]}
    with Host() as host:
        sources = host.kind(SourceDispatcher)
        host.add(Caller, "caller", resources=wanted, execution_model="async")
        host.add(samples.Source, "plain", resources=wanted)
        host.start()
        sources.list_items(samples.LIST)
        awaited, plain = (
            host[name].channel.plugin.context.resources["http_client"]
            for name in ("caller", "plain")
        )
        assert (type(awaited).__name__, type(plain).__name__) == ("AsyncClient", "Client")
        assert plain.timeout.connect == 10
        assert awaited.timeout.read == 30
    assert (awaited.is_closed, plain.is_closed) == (True, True)


def test_in_an_event_loop_it_is_closed_there():
    async def run():
        async with AsyncHost() as host:
            host.kind(AsyncSourceDispatcher)
            wanted = {"required": ["http_client", "tmpdir"]}
            host.add(samples.Source, "caller", resources=wanted, execution_model="async")
            await host.start()
            return host["caller"].channel.plugin.context.resources

    lent = asyncio.run(run())
    assert lent["http_client"].is_closed
    assert not lent["tmpdir"].exists()


def test_without_the_library_a_plugin_that_needs_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "httpx2", None)
    with Host() as host:
        host.kind(SourceDispatcher)
        host.add(samples.Source, "needy", resources={"required": ["http_client"]})
        host.add(samples.Source, "modest", resources={"optional": ["http_client"]})
        host.start()
        assert host.status["needy"].reason == (
            "it requires the resource 'http_client': httpx2 is not installed; "
            "install 'hookspec-scaffold[http]'"
        )
        assert host.status["modest"].state == "ready"


def test_what_only_the_host_has_cannot_be_required_by_a_process(tmp_path):
    for file in BORROWER.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    copytree(BORROWER / "borrower", tmp_path / "borrower")
    manifest = (tmp_path / "dagstack.toml").read_text(encoding="utf-8")
    (tmp_path / "dagstack.toml").write_text(manifest.replace('"tmpdir"', '"postgres"'))
    with Host() as host:
        host.provide("postgres", lambda _loan: "a pool")
        with pytest.raises(PluginError, match="to a process of its own these can be lent: blob_"):
            host.load(tmp_path, ToolClient, runtime="mcp_stdio")
        host.load(tmp_path, ToolClient, runtime="in_process")


def test_what_was_lent_is_taken_back_when_setup_fails():
    ended = []

    class Broken(samples.Source):
        def setup(self, context):
            raise RuntimeError("no")

    with Host() as host:
        host.kind(SourceDispatcher)
        host.provide("pool", lambda loan: loan.callback(ended.append, "pool"))
        host.add(Broken, "broken", resources={"required": ["pool"]})
        host.start()
        assert (host.status["broken"].state, ended) == ("unavailable", ["pool"])


def test_doubles_are_the_same_over_every_runtime():
    doubles = {"clock": NOON, "rng": 7, "blob_store": {}, "http_client": {"http://a/": {"b": 1}}}
    with every_runtime(BORROWER, ToolClient, doubles=doubles) as clients:
        assert sorted(clients) == ["in_process", "mcp_http", "mcp_stdio"]
        for client in clients.values():
            assert ask(client, "lent")["now"] == NOON
            assert ask(client, "web", url="http://a/") == [200, {"b": 1}]
            assert ask(client, "web", url="http://b/")[0] == 404
            assert ask(client, "kept")[0] is None
        assert len({ask(client, "chance") for client in clients.values()}) == 1
        for client in clients.values():
            heard = []
            with (
                calling_with({"tenant_id": "t1"}),
                reporting_to(lambda *report, into=heard: into.append(report)),
            ):
                assert ask(client, "metadata") == {"tenant_id": "t1"}
                ask(client, "work")
            assert heard == [(1, 2, "half")]


def test_a_context_that_no_host_has_written_is_refused():
    told = PluginEnvironment.of(read_manifest(BORROWER)).variables()
    assert json.loads(told["SCAFFOLD_PLUGIN_CONTEXT"])["required"] == [
        "clock",
        "rng",
        "tmpdir",
        "blob_store",
    ]
    ended = subprocess.run(
        [sys.executable, *SERVE],
        cwd=BORROWER,
        env={**os.environ, "SCAFFOLD_PLUGIN_CONTEXT": "[]"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode != 0
    assert "'SCAFFOLD_PLUGIN_CONTEXT' must hold a JSON object" in ended.stderr
