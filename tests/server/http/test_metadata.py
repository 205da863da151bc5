"""Whose word is taken for who calls: over HTTP nobody's, unless the operator says so."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from http_requests import ask, mirror
from serving import Start, modern

from scaffold.contract._context.telemetry import trace_fields

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FORGED: dict[str, Any] = {
    "actor": "root@corp",
    "tenant_id": "other-tenant",
    "trace_context": {
        "Authorization": "Bearer forged",
        "Cookie": "a=b",
        "Host": "metadata.internal",
        "X-Forwarded-User": "admin",
        "traceparent": PARENT,
        "tracestate": "vendor=1",
        "baggage": "user=a%20b;p, other=2",
    },
}
TRACE = {name: FORGED["trace_context"][name] for name in ("traceparent", "tracestate", "baggage")}


def whoami(**meta: Any) -> dict[str, Any]:
    return modern("tools/call", name="demo_who", arguments={}, _meta=meta)


def asked(url: str, message: dict[str, Any]) -> Any:
    """Return what the plugin knows of a call over HTTP."""
    return ask(url, message, **mirror(message)).json["result"]["structuredContent"]["result"]


def over_http(start: Start, **environment: str) -> str:
    return start("who:Who", "--http", "--port", "0", **environment).url()


def test_over_http_nothing_is_taken_but_the_trace(start: Start) -> None:
    url = over_http(start)
    assert asked(url, whoami(**{"hookspec.scaffold/metadata": FORGED})) == {"trace_context": TRACE}
    assert asked(url, whoami(traceparent=PARENT)) == {"trace_context": {"traceparent": PARENT}}
    assert asked(url, whoami(**{"hookspec.scaffold/metadata": {"actor": "root"}})) == {}


def test_a_session_of_an_older_client_proves_no_identity_either(start: Start) -> None:
    url = over_http(start)
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    opened = ask(url, {**modern("initialize"), "params": hello})
    message = whoami()
    message["params"]["_meta"] = {"hookspec.scaffold/metadata": FORGED}
    answer = ask(url, message, mcp_session_id=opened.headers["mcp-session-id"])
    assert answer.json["result"]["structuredContent"]["result"] == {"trace_context": TRACE}


def test_an_operator_may_trust_the_clients(start: Start) -> None:
    url = over_http(start, MCP_TRUST_METADATA="true")
    assert asked(url, whoami(**{"hookspec.scaffold/metadata": FORGED})) == FORGED


def test_over_a_pipe_the_client_is_who_started_the_server(start: Start) -> None:
    server = start("who:Who")
    server.send(whoami(**{"hookspec.scaffold/metadata": FORGED}))
    assert server.receive()["result"]["structuredContent"]["result"] == FORGED


@pytest.mark.parametrize("value", ["maybe", "2", "yes please"])
def test_a_setting_of_trust_that_means_nothing_is_refused(start: Start, value: str) -> None:
    server = start("who:Who", "--http", "--port", "0", MCP_TRUST_METADATA=value)
    assert server.process.wait(15) == 2
    assert "MCP_TRUST_METADATA" in server.log.read_text()


@contextmanager
def internal_service() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Run a service that notes the headers of its requests."""
    seen: list[dict[str, str]] = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", seen
        server.shutdown()


@pytest.mark.parametrize("trusted", ["pipe", "operator", "nobody"])
def test_nothing_of_a_call_but_its_trace_becomes_a_header(start: Start, trusted: str) -> None:
    with internal_service() as (service, seen):
        message = whoami(**{"hookspec.scaffold/metadata": FORGED})
        if trusted == "pipe":
            server = start("who:Who", SERVICE=service)
            server.send(message)
            server.receive()
        else:
            trust = str(trusted == "operator").lower()
            asked(over_http(start, SERVICE=service, MCP_TRUST_METADATA=trust), message)
    (headers,) = seen
    assert TRACE.items() <= headers.items()
    assert not {"authorization", "cookie", "x-forwarded-user"} & set(headers)
    assert headers["host"] == service.removeprefix("http://").rstrip("/")


@pytest.mark.parametrize(
    "parent",
    [
        "00-x",
        PARENT.upper(),
        PARENT + "-more",
        "ff" + PARENT[2:],
        "00-" + "0" * 32 + PARENT[35:],
        PARENT[:36] + "0" * 16 + PARENT[52:],
        PARENT + "\r\nX-Admin: 1",
        "01" + PARENT[2:] + "-" + "x" * 300,
        7,
        None,
    ],
)
def test_a_trace_that_is_not_of_the_form_is_left_out_with_its_state(parent: object) -> None:
    assert trace_fields({"traceparent": parent, "tracestate": "a=b"}) == {}


@pytest.mark.parametrize("parent", [PARENT, "01" + PARENT[2:], "01" + PARENT[2:] + "-what.comes"])
def test_traces_of_this_version_and_of_later_ones_are_taken(parent: str) -> None:
    given = {"traceparent": parent, "tracestate": "rojo=00f067aa0ba902b7, t61@congo=x ,"}
    assert trace_fields(given) == given


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tracestate", "A=1"),
        ("tracestate", "a=" + "x" * 257),
        ("tracestate", ",".join(f"k{n}=1" for n in range(33))),
        ("tracestate", ""),
        ("baggage", "no value"),
        ("baggage", "a=1\r\nX-Admin: 1"),
        ("baggage", "a=\u00e9"),
        ("baggage", "a=" + "x" * 8192),
        ("baggage", ",".join(f"k{n}=1" for n in range(65))),
    ],
)
def test_state_and_baggage_are_of_their_form_and_bounded(name: str, value: str) -> None:
    assert trace_fields({"traceparent": PARENT, name: value}) == {"traceparent": PARENT}
