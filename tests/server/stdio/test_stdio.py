import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from busy import quiet_seconds_since
from serving import META, MODERN, PATIENCE, PLUGINS, Server, Start, modern

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}},
}


@pytest.fixture(scope="module")
def _alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    started: dict[str, Server] = {}

    def _get(entry_point: str) -> Server:
        if entry_point not in started:
            folder = tmp_path_factory.mktemp("shared")
            started[entry_point] = Server(folder, entry_point, "--name", "demo")
        return started[entry_point]

    yield _get
    for server in started.values():
        server.stop()


@pytest.fixture
def shared(_alive: Callable[[str], Server]) -> Server:
    """One server for all that it must survive."""
    return _alive("served:Plain")


@pytest.fixture
def either(_alive: Callable[[str], Server], entry_point: str) -> Server:
    """The same of both kinds of plugin, which has left no word yet."""
    server = _alive(entry_point)
    server.forget()
    return server


def test_both_eras_are_served_on_one_pipe(start: Start, entry_point: str) -> None:
    server = start(entry_point)
    discovered = server.ask("server/discover")["result"]
    assert discovered["supportedVersions"][0] == MODERN
    assert discovered["capabilities"] == {"tools": {}}
    assert discovered["resultType"] == "complete"
    server.send(INITIALIZE)
    assert server.receive()["result"]["protocolVersion"] == "2025-06-18"
    server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    server.send({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    legacy = server.receive()["result"]
    listed = server.ask("tools/list")["result"]
    assert [tool["name"] for tool in listed["tools"]] == [t["name"] for t in legacy["tools"]]
    assert "resultType" not in legacy
    assert (listed["ttlMs"], listed["cacheScope"]) == (0, "public")
    info = listed["_meta"]["io.modelcontextprotocol/serverInfo"]
    assert info == {"name": "demo", "version": "1.0.0"}


@pytest.mark.parametrize(
    ("asked", "chosen"), [("2024-11-05", "2024-11-05"), ("2031-01-01", "2025-11-25")]
)
def test_initialize_agrees_on_a_revision_before_the_modern_one(
    start: Start, asked: str, chosen: str
) -> None:
    server = start()
    server.send({**INITIALIZE, "params": {"protocolVersion": asked}})
    assert server.receive()["result"]["protocolVersion"] == chosen


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"garbage\n", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"\n', -32700),
        (b"\xff\xfe\n", -32700),
        (b"[]\n", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]\n', -32600),
        (b'"text"\n', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n', -32600),
        (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}\n', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}\n', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}\n', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}\n', -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "initialize"}, -32602),
        (modern("initialize"), -32601),
        (modern("ping"), -32601),
        (modern("prompts/list"), -32601),
        (modern("tools/call"), -32602),
        (modern("tools/call", name="demo_nothing"), -32602),
        (modern("tools/list", _meta={"io.modelcontextprotocol/protocolVersion": "1900"}), -32022),
    ],
)
def test_what_cannot_be_served_is_refused_and_the_next_is_served(
    shared: Server, message: object, code: int
) -> None:
    shared.send(message)
    assert shared.receive()["error"]["code"] == code
    assert shared.call("demo_greet")["structuredContent"] == {"result": "Hello, world!"}


def test_an_unknown_revision_is_answered_with_the_known_ones(shared: Server) -> None:
    version = {"io.modelcontextprotocol/protocolVersion": "2030-01-01"}
    error = shared.ask("tools/list", _meta=version)["error"]
    assert error["data"]["requested"] == "2030-01-01"
    assert MODERN in error["data"]["supported"]


def test_an_error_has_the_id_of_its_request_or_none(shared: Server) -> None:
    shared.send(b'{"jsonrpc":"2.0","id":"mine","method":"ping","params":7}\n', b"{\n")
    assert shared.receive()["id"] == "mine"
    assert "id" not in shared.receive()


def test_notifications_are_never_answered(shared: Server) -> None:
    shared.send(
        {"jsonrpc": "2.0", "method": "notifications/unheard-of"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [1]}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}},
        {"jsonrpc": "2.0", "id": 5, "result": {}},
        b"\n  \n",
    )
    assert shared.ask("server/discover", "after")["id"] == "after"


def test_errors_of_hooks_are_results(either: Server) -> None:

    def error(tool: str, **arguments: Any) -> tuple[str, Any]:
        result = either.call(tool, **arguments)
        assert result["isError"] is True
        told = result["_meta"]["hookspec.scaffold/error"]
        assert told["message"] in result["content"][0]["text"]
        return told["code"], told["data"]

    assert error("demo_fail") == ("tool_failed", {"why": 7})
    code, data = error("demo_greet", name=5)
    assert code == "invalid_input"
    assert data["problems"][0]["path"] == "/args/name"
    assert error("demo_wrong")[0] == "invalid_output"
    assert error("demo_exit")[0] == "internal"


def test_repeated_calls_are_answered_as_the_first_one(either: Server) -> None:

    def answers(tool: str, *payloads: str) -> list[Any]:
        lines = [_payload_last(tool, number, text) for number, text in enumerate(payloads, 1)]
        either.send(*lines)
        received = {answer.get("id"): answer for answer in (either.receive() for _ in lines)}
        # The answer to what is no JSON has no id, and comes last here.
        return [
            received[number].get("result") or received[number]["error"]["code"]
            for number in sorted(received, key=lambda number: number or len(lines) + 1)
        ]

    ann, again, wrong, last, broken = answers(
        "demo_greet", '{"name":"Ann"}', '{"name":"Ann"}', '{"name":5}', '{"name":"Bo"}', '{"name"'
    )
    assert ann == again
    assert wrong["_meta"]["hookspec.scaffold/error"]["code"] == "invalid_input"
    assert broken == -32700
    assert last["structuredContent"] == {"result": "Hello, Bo!"}
    for tool in ("demo_fail", "demo_wrong"):
        first, *others = answers(tool, "{}", "{}", "{}")
        assert first["isError"] is True
        assert others == [first, first]
    codes = {
        answer["_meta"]["hookspec.scaffold/error"]["code"]
        for answer in answers("demo_exit", "{}", "{}")
    }
    assert codes == {"internal"}


def test_a_repeated_call_can_be_slow_and_be_cancelled(start: Start, entry_point: str) -> None:
    server = start(entry_point)
    server.send(_payload_last("demo_sleep", 1, '{"seconds":0}'))
    assert server.receive()["id"] == 1
    server.send(_payload_last("demo_sleep", 2, '{"seconds":0.3}'))
    server.send(_payload_last("demo_sleep", 3, '{"seconds":0}'))
    assert server.receive()["id"] == 3
    cancelled = {"method": "notifications/cancelled", "params": {"requestId": 2}}
    server.send({"jsonrpc": "2.0", **cancelled})
    assert server.call("demo_greet", 4)["isError"] is False
    assert server.end() == 0
    assert server.receive() is None


def _payload_last(tool: str, id: int, arguments: str) -> bytes:
    head = json.dumps({"name": tool, "_meta": META})[:-1]
    call = f'"method":"tools/call","params":{head},"arguments":{arguments}'
    return f'{{"jsonrpc":"2.0","id":{id},{call}}}}}\n'.encode()


def test_an_exception_crosses_as_an_id_that_its_traceback_is_logged_under(start: Start) -> None:
    server = start()
    result = server.call("demo_raise")
    assert "a secret" not in json.dumps(result)
    mark = result["_meta"]["hookspec.scaffold/error"]["data"]["id"]
    server.end()
    log = server.log.read_text()
    assert mark in log
    assert "RuntimeError: a secret" in log


def test_the_text_copy_is_left_out_for_clients_that_read_structured_content(shared: Server) -> None:
    assert json.loads(shared.call("demo_greet")["content"][0]["text"]) == {
        "result": "Hello, world!"
    }
    meta = {"hookspec.scaffold/structured": True}
    answer = shared.ask("tools/call", name="demo_greet", _meta=meta)["result"]
    assert answer["content"] == []
    assert answer["structuredContent"] == {"result": "Hello, world!"}


def test_nothing_that_a_plugin_prints_reaches_the_pipe(start: Start, entry_point: str) -> None:
    server = start(entry_point)
    assert server.call("demo_shout")["structuredContent"] == {"result": ""}
    server.end()
    log = server.log.read_text()
    assert all(word in log for word in ("at import", "in a hook", "of a child"))


def test_a_slow_hook_does_not_make_others_wait(either: Server) -> None:
    either.call("demo_greet")
    either.send(modern("tools/call", "slow", name="demo_sleep", arguments={"seconds": 0.6}))
    either.noted("asleep")
    began = time.monotonic()
    for number in range(20):
        either.call("demo_greet", number)
    assert quiet_seconds_since(began) < 0.5
    assert either.receive()["id"] == "slow"


def test_more_slow_calls_than_threads_are_all_answered(either: Server) -> None:
    calls = [
        modern("tools/call", number, name="demo_sleep", arguments={"seconds": 0.1})
        for number in range(200)
    ]
    either.send(*calls)
    assert {either.receive()["id"] for _ in calls} == set(range(200))


def test_a_cancelled_call_is_not_answered(start: Start, entry_point: str) -> None:
    server = start(entry_point)
    server.send(modern("tools/call", "slow", name="demo_sleep", arguments={"seconds": 0.3}))
    server.noted("asleep")
    server.send(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "slow"}}
    )
    server.call("demo_greet")
    assert server.end() == 0
    assert server.receive() is None
    if entry_point == "served:Awaited":
        server.noted("cancelled")


def test_progress_is_told_to_those_who_ask(either: Server) -> None:
    call: dict[str, Any] = {"name": "demo_count", "arguments": {"to": 2}}
    assert either.ask("tools/call", **call)["result"]["isError"] is False
    told = either.ask("tools/call", **call, _meta={"progressToken": "t"})
    assert told["method"] == "notifications/progress"
    assert told["params"] == {
        "progressToken": "t",
        "progress": 1,
        "total": 2,
        "message": "step 1",
    }
    assert either.receive()["params"]["progress"] == 2
    assert "result" in either.receive()


def test_requests_before_the_end_of_input_are_answered(start: Start, entry_point: str) -> None:
    server = start(entry_point)
    server.send(
        modern("tools/call", 1, name="demo_sleep", arguments={"seconds": 0.3}),
        modern("tools/call", 2, name="demo_greet"),
        json.dumps(modern("tools/call", 3, name="demo_greet")).encode(),
    )
    assert server.end() == 0
    assert {server.receive()["id"] for _ in range(3)} == {1, 2, 3}
    assert server.receive() is None
    server.noted("torn down")


def test_a_file_may_be_the_input(entry_point: str, tmp_path: Path) -> None:
    requests = tmp_path / "requests"
    requests.write_text(json.dumps(modern("tools/call", 7, name="demo_greet")) + "\n")
    with requests.open() as file:
        command = [sys.executable, "-m", "scaffold.server", entry_point, "--name", "demo"]
        done = subprocess.run(
            command, stdin=file, capture_output=True, cwd=PLUGINS, timeout=PATIENCE, check=True
        )
    assert json.loads(done.stdout)["id"] == 7


def test_the_end_of_input_ends_a_process_whose_hook_blocks(start: Start, entry_point: str) -> None:
    server = start(entry_point)
    server.send(modern("tools/call", name="demo_sleep", arguments={"seconds": 60}))
    server.noted("asleep")
    began = time.monotonic()
    assert server.end() == 0
    assert quiet_seconds_since(began) < 5
    server.noted("torn down")


@pytest.mark.parametrize("busy", [False, True])
def test_sigterm_ends_the_process(start: Start, entry_point: str, busy: bool) -> None:
    server = start(entry_point)
    server.call("demo_greet")
    if busy:
        server.send(modern("tools/call", name="demo_sleep", arguments={"seconds": 60}))
        server.noted("asleep")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0
    server.noted("torn down")


def test_a_teardown_that_hangs_is_left_behind(start: Start) -> None:
    server = start("served:Stubborn")
    server.call("demo_greet")
    began = time.monotonic()
    assert server.end() == 0
    assert quiet_seconds_since(began) < 5
    assert "teardown took longer" in server.log.read_text()


def test_a_server_that_finalises_slowly_ends_with_its_own_status(start: Start) -> None:
    server = start("served:Lingering", LINGERS="1")
    server.call("demo_child")
    assert server.end() == 0
    server.noted("torn down")


@pytest.mark.ci
def test_a_server_that_does_not_finalise_is_killed_in_time(start: Start) -> None:
    server = start("served:Lingering", LINGERS="60")
    server.call("demo_greet")
    assert server.end() == -signal.SIGKILL


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("tool", ["demo_child", "demo_stubborn"])
def test_what_a_plugin_has_started_ends_with_it(start: Start, busy: bool, tool: str) -> None:
    server = start()
    child = server.call(tool)["structuredContent"]["result"]
    if busy:
        server.send(modern("tools/call", name="demo_sleep", arguments={"seconds": 60}))
        server.noted("asleep")
    assert server.end() == 0
    end = time.monotonic() + PATIENCE
    with suppress(FileNotFoundError, ProcessLookupError):  # gone before it was opened, or after
        while Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_plugin_ends_its_forks_and_not_itself(either: Server) -> None:
    assert either.call("demo_fork")["structuredContent"]["result"] == -signal.SIGTERM
    assert either.call("demo_greet")["isError"] is False


def test_children_do_not_hold_the_pipe(start: Start) -> None:
    server = start()
    server.call("demo_child")
    server.process.kill()
    assert server.receive() is None


def test_the_death_of_the_host_ends_the_process(tmp_path: Path) -> None:
    """Even if somebody else still holds the pipes."""
    host = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], close_fds=False)\n"
        "print(child.pid, flush=True)\n"
        "os.read(int(os.environ['GO']), 1)\n"
    )
    wait, go = os.pipe()
    os.set_inheritable(wait, True)
    command = [sys.executable, "-m", "scaffold.server", "served:Plain"]
    process = subprocess.Popen(
        [sys.executable, "-c", host, *command],
        cwd=PLUGINS,
        env={**os.environ, "GO": str(wait), "NOTES": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(wait,),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    child = int(process.stdout.readline())
    end = time.monotonic() + PATIENCE
    while not (tmp_path / "set up").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    os.write(go, b"!")
    process.wait(PATIENCE)
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < end, "the server outlives its host"
        time.sleep(0.02)
    process.stdin.close()
    process.stdout.close()
    os.close(wait)
    os.close(go)


def test_a_line_beyond_the_limit_is_refused_and_the_next_is_served(start: Start) -> None:
    server = start(MCP_MAX_MESSAGE_MB="1")
    server.send(b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * (3 << 20) + b'"}\n')
    assert server.receive()["error"]["code"] == -32600
    assert server.call("demo_greet")["isError"] is False


def test_deep_nesting_is_refused_and_the_next_is_served(shared: Server) -> None:
    head = json.dumps(modern("tools/call", name="demo_greet"))[:-2].encode()
    for deep in (b"[" * 200_000, b'{"a":' * 200_000):
        shared.send(head + b',"arguments":{"x":' + deep + b"\n")
        assert "error" in shared.receive()
    closed = b"[" * 5000 + b"]" * 5000
    shared.send(head + b',"arguments":{"name":' + closed + b"}}}\n")
    assert shared.receive()
    assert shared.call("demo_greet")["isError"] is False


def test_a_client_that_does_not_read_blocks_nobody_for_ever(either: Server) -> None:
    name = "n" * 20_000
    calls = [
        modern("tools/call", number, name="demo_greet", arguments={"name": name})
        for number in range(100)
    ]
    either.send(*calls)
    assert {either.receive()["id"] for _ in calls} == set(range(100))


def test_a_client_that_never_reads_is_read_no_more_until_it_does(either: Server) -> None:
    name = "n" * 500_000
    calls = 150
    sent = either.send_unread(
        modern("tools/call", number, name="demo_greet", arguments={"name": name})
        for number in range(calls)
    )
    assert 5 < sent.whole < calls
    rest = threading.Thread(target=either.send, args=(sent.rest,))
    rest.start()
    assert {either.receive()["id"] for _ in range(sent.whole + 1)} == set(range(sent.whole + 1))
    rest.join()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("broken:Plugin", "demo: cannot start: KeyError: 'missing' (broken.py:3)\n"),
        (
            "wordless:Plugin",
            "demo: cannot start: WordlessError: its message cannot be read (wordless.py:9)\n",
        ),
        ("served:Unready", "demo: cannot start: ValueError: no database at all (served.py:"),
        ("served:Unfinished", "demo: cannot start: Unfinished lacks execute, get_schema\n"),
        ("served:Nobody", "demo: cannot start: module 'served' has no 'Nobody'\n"),
        ("served:note", "demo: cannot start: 'served:note' is not a plugin class\n"),
        ("nowhere:X", "demo: cannot start: ModuleNotFoundError: No module named 'nowhere'\n"),
        ("served", "demo: cannot start: 'served' is not an entry point; use 'module:Class'\n"),
    ],
)
def test_a_plugin_that_cannot_start_says_why_in_one_line(
    start: Start, entry: str, said: str
) -> None:
    server = start(entry)
    assert server.process.wait(PATIENCE) == 5
    assert server.receive() is None
    line = server.log.read_text().removeprefix("a word at import\n")
    assert line.startswith(said)
    assert line.count("\n") == 1


def test_a_slow_hook_without_room_for_a_thread_delays_the_next_and_loses_none(
    start: Start,
) -> None:
    server = start("crowded:Crowded")
    for number in range(3):  # the first may pass before the watchdog has looked twice
        server.send(modern("tools/call", number, name="demo_fill", arguments={}))
        assert server.receive()["result"]["structuredContent"] == {"result": "done"}


def test_the_traceback_is_in_the_log_for_those_who_ask(start: Start) -> None:
    server = start("broken:Plugin", LOG_LEVEL="debug")
    server.process.wait(PATIENCE)
    assert "Traceback" in server.log.read_text()


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ([], {"MCP_TRANSPORT": "pigeon"}, "MCP_TRANSPORT is 'pigeon'"),
        ([], {"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'loud'"),
        (["--port", "many"], {}, "the port is 'many'"),
        (["--http", "--stdio"], {}, "not allowed with"),
        (["--path", "/x"], {}, "unrecognized arguments"),
    ],
)
def test_wrong_options_are_refused(
    start: Start, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    server = start("served:Plain", *arguments, **environment)
    assert server.process.wait(PATIENCE) == 2
    assert said in server.log.read_text()
