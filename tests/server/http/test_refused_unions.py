"""Payloads of a union that reaches itself: refused by servers at the cost of a short answer."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from http_requests import call
from serving import Server

from scaffold.generator import compile_kind
from scaffold.generator._emit import emit

MOST_PROBLEMS, MOST_BYTES = 100, 64 << 10
MOST_GROWTH = 64 << 10
"""Kilobytes that a server may grow by; it grew by 1.2 GB for 429 bytes when it tried every way."""

PLUGIN = """
from union_v1.plugin import UnionPlugin


class Echo(UnionPlugin):
    def echo(self, payload):
        return payload
"""


def node(tag: str) -> dict[str, Any]:
    properties = {"op": {"const": tag}, "arg": {"$ref": "#/$defs/Expr"}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["op", "arg"],
        "properties": properties,
    }


EXPRESSIONS = {
    "type": "object",
    "required": ["e"],
    "properties": {"e": {"$ref": "#/$defs/Expr"}},
    "$defs": {"Expr": {"anyOf": [{"type": "integer"}, node("not"), node("neg")]}},
}
LIST = {
    "type": "object",
    "required": ["e"],
    "properties": {"e": {"type": "array", "items": {"type": "integer"}}},
}


def nested(depth: int, innermost: Any) -> Any:
    value = innermost
    for _ in range(depth):
        value = {"op": "not", "arg": value}
    return value


PAYLOADS = {"union": nested(12, "wrong"), "list": ["w" * 90] * 400}


@pytest.fixture(scope="module")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate a kind of two hooks, and its plugin."""
    folder = tmp_path_factory.mktemp("union")
    hooks = []
    for name, schema in {"echo": EXPRESSIONS, "many": LIST}.items():
        (folder / f"{name}.json").write_text(json.dumps(schema))
        hooks.append(
            {
                "name": name,
                "dispatch": "singleton",
                "input_schema": f"{name}.json",
                "output_schema": f"{name}.json",
            }
        )
    spec = {"kind": "union", "kind_api_version": "1.0.0", "hooks": hooks}
    (folder / "v1.yaml").write_text(json.dumps(spec))
    for path, text in emit(compile_kind(folder / "v1.yaml")).items():
        file = folder / "made" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    many = "\n    def many(self, payload):\n        return payload\n"
    (folder / "made" / "union_echo.py").write_text(PLUGIN + many)
    return folder / "made"


Call = Callable[..., Any]


@pytest.fixture(params=["stdio", "http"])
def served(
    request: pytest.FixtureRequest, bindings: Path, tmp_path: Path
) -> Iterator[tuple[Server, Call]]:
    """A server of that plugin, and what calls a tool of it: the text of its answer."""
    options = ("union_echo:Echo", "--name", "demo")
    over_http = request.param == "http"
    more = ("--http", "--port", "0") if over_http else ()
    server = Server(tmp_path, *options, *more, PYTHONPATH=str(bindings))

    def ask(tool: str, **arguments: Any) -> Any:
        if over_http:
            return call(server.url(), tool, **arguments).json
        return server.ask("tools/call", name=tool, arguments=arguments)

    yield server, ask
    server.stop()


def peak(server: Server) -> int:
    """Return the most memory that a server has had, in kilobytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize(
    ("tool", "name"), [("union_demo_echo", "union"), ("union_demo_many", "list")]
)
def test_a_server_refuses_in_few_words_and_little_memory(
    served: tuple[Server, Call], tool: str, name: str
) -> None:
    server, ask = served
    ask(tool, e=[])  # imports and compiles what has to be once
    before = peak(server)

    answer = ask(tool, e=PAYLOADS[name])

    assert len(json.dumps(answer)) < MOST_BYTES
    refusal = answer["result"]["_meta"]["hookspec.scaffold/error"]["data"]
    assert 0 < len(refusal["problems"]) <= MOST_PROBLEMS
    assert peak(server) - before < MOST_GROWTH
    assert ask("union_demo_echo", e=1)["result"]["structuredContent"] == {"e": 1}
