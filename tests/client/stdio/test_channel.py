"""Calls over stdio: to a plugin on our own server, and to a server that knows nothing of us."""

import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from busy import quiet_seconds_since
from stdio_channels import FAULTY_KIND, FAULTY_SERVER, OnLoop, processes

from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.contract import HookError, InternalError, InvalidInput, Kind
from scaffold.contract._context.call_context import reporting_to
from scaffold.contract._errors.errors import (
    ConnectFailed,
    DeadlineExceeded,
    PeerCrashed,
    RuntimeNotSupported,
)
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput, ToolClient

PLUGINS = Path(__file__).with_name("plugins")
LONG_TIMEOUT, SHORT_TIMEOUT = FAULTY_KIND.hooks["long_timeout"], FAULTY_KIND.hooks["short_timeout"]


@pytest.fixture(params=["fast path", "plain path"], autouse=True)
def path(request, monkeypatch):
    """Run every test twice: the plain path is complete, and the fast path must equal it."""
    monkeypatch.setattr(Connection, "fast_paths", request.param == "fast path")


@pytest.fixture
def tool(open_channel):
    channel = open_channel(
        "-m",
        "scaffold.server",
        "arithmetic:Arithmetic",
        "--name",
        "sums",
        kind=TOOL,
        plugin="sums",
        env={"PYTHONPATH": str(PLUGINS)},
    )
    return ToolClient(channel)


def ask(function, **args):
    return ExecuteInput(function=function, args=args)


def test_a_plugin_lists_its_functions_and_runs_them(tool):
    assert [function.name for function in tool.get_schema()][:2] == ["add", "divide"]
    assert tool.execute(ask("add", a=2, b=3)).result == 5
    assert tool.execute(ask("echo", text="né\n", nested={"a": [None, True, 1.5]})).result == {
        "text": "né\n",
        "nested": {"a": [None, True, 1.5]},
    }


def test_errors_of_hooks_cross_the_pipe_whole(tool):
    with pytest.raises(HookError) as caught:
        tool.execute(ask("divide", a=1, b=0))
    assert (caught.value.code, caught.value.message, caught.value.data) == (
        "tool_failed",
        "division by zero",
        {"a": 1},
    )
    with pytest.raises(InternalError):
        tool.execute(ask("sleep"))


def test_a_call_that_breaks_its_schema_is_not_sent(tool):
    with pytest.raises(InvalidInput, match="/args/b"):
        tool.execute(ask("add", a=1, b="two"))
    with pytest.raises(HookError, match="no function 'subtract'; it offers: add"):
        tool.execute(ask("subtract"))


def test_calls_of_many_threads_get_their_own_answers(tool):
    def work(number):
        return [tool.execute(ask("echo", n=[number, i])).result for i in range(25)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(work, range(16)))
    assert answers == [[{"n": [number, i]} for i in range(25)] for number in range(16)]


def test_a_slow_call_holds_up_nobody(tool):
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(tool.execute, ask("sleep", seconds=0.5))
        started = time.monotonic()
        assert tool.execute(ask("add", a=1, b=1)).result == 2
        assert quiet_seconds_since(started) < 0.4
        assert not slow.done()
        assert slow.result().result is None


def test_large_payloads_in_both_directions_at_once_do_not_block(tool):
    def work(letter):
        text = letter * 5_000_000
        return tool.execute(ask("echo", text=text)).result == {"text": text}

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, "abcd"))


def test_who_listens_hears_of_the_progress_of_a_call(tool):
    reports = []
    with reporting_to(lambda *report: reports.append(report)):
        assert tool.execute(ask("count", to=3)).result is None
    assert reports == [(1, 3, "at 1"), (2, 3, "at 2"), (3, 3, "at 3")]
    tool.execute(ask("count", to=3))
    assert len(reports) == 3


def test_calls_at_once_hear_of_their_own_progress(tool):
    def work(number):
        reports = []
        with reporting_to(lambda progress, *_rest: reports.append(progress)):
            for _ in range(5):
                tool.execute(ask("count", to=number))
        return reports

    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(work, range(8)))
    assert heard == [[*range(1, number + 1)] * 5 for number in range(8)]


def test_any_mcp_server_is_a_tool(open_channel):
    client = ToolClient(open_channel(*FAULTY_SERVER, kind=TOOL, plugin="faulty"))
    assert [one.name for one in client.get_schema()] == [
        "long_timeout",
        "short_timeout",
        "medium_timeout",
        "repeatable",
    ]
    assert client.execute(ask("long_timeout", what="ok")).result == {"said": "ok"}


def test_a_hook_that_the_server_does_not_offer_is_refused_before_any_call(open_channel):
    contract = {
        **FAULTY_KIND.contract,
        "hooks": {"purr": {**FAULTY_KIND.contract["hooks"]["long_timeout"], "tool": "purr"}},
    }
    kind = Kind.from_contract(contract)
    channel = open_channel(*FAULTY_SERVER, kind=kind)
    with pytest.raises(RuntimeNotSupported, match="no tool for hook 'purr'"):
        channel.bind(kind.hooks["purr"])


def test_the_process_runs_where_and_with_what_it_is_told(open_channel, tmp_path):
    diary = str(tmp_path / "diary")
    channel = open_channel(*FAULTY_SERVER, cwd=tmp_path, env={"DIARY": diary})
    said = channel.bind(LONG_TIMEOUT)({"what": "where"})["said"]
    assert said == [str(tmp_path.resolve()), diary, True]


def test_stderr_goes_to_the_log_of_the_plugin(open_channel, caplog):
    caplog.set_level(logging.INFO, "plugin.faulty")
    channel = open_channel(*FAULTY_SERVER)
    assert channel.bind(LONG_TIMEOUT)({"what": "say"}) == {"said": "ok"}
    channel.close()
    lines = [record.message for record in caplog.records if record.name == "plugin.faulty"]
    assert lines == ["café \\xff", "y" * 8192, "y" * (10_000 - 8192)]


@pytest.mark.parametrize("flavour", [StdioChannel, OnLoop])
def test_a_command_that_cannot_run_is_named_with_the_place_where_it_was_looked_for(
    flavour, tmp_path
):
    def refusal(*command, **options):
        with pytest.raises(ConnectFailed) as caught:
            flavour(list(command), kind=FAULTY_KIND, plugin="faulty", **options)
        return str(caught.value)

    path = {"PATH": "/one:/two"}
    assert refusal("nope", env=path) == "command 'nope' not found; looked in PATH: /one, /two"
    folder = str(tmp_path)
    assert refusal("./nope", cwd=tmp_path) == (
        f"command './nope' not found; relative paths start at '{folder}'"
    )
    assert refusal("nope", cwd=tmp_path / "gone") == (
        f"cannot run 'nope': the folder '{folder}/gone' does not exist"
    )
    (tmp_path / "text").write_text("not a program")
    assert refusal("./text", cwd=tmp_path) == "cannot run './text': Permission denied"
    (tmp_path / "text").chmod(0o755)
    assert refusal("./text", cwd=tmp_path) == "cannot run './text': Exec format error"
    assert refusal() == "there is no command to run"


def test_a_program_that_fails_at_once_is_reported_with_its_last_words(open_channel):
    with pytest.raises(ConnectFailed) as caught:
        open_channel("-c", "import nothing_of_this_name")
    message = str(caught.value)
    assert message.startswith("faulty: the process ended (exit status 1); its last lines:\n")
    assert message.endswith("ModuleNotFoundError: No module named 'nothing_of_this_name'")


def test_a_missed_deadline_is_told_to_the_server(open_channel, tmp_path):
    diary = tmp_path / "diary"
    channel = open_channel(*FAULTY_SERVER, env={"DIARY": str(diary)})
    with pytest.raises(DeadlineExceeded):
        channel.bind(SHORT_TIMEOUT)({"what": "silence"})
    channel.bind(LONG_TIMEOUT)({"what": "ok"})
    assert diary.read_text().splitlines()[-2:] == [
        "notifications/cancelled 4",
        "tools/call ok",
    ]


def test_a_cancelled_task_is_told_to_the_server(tmp_path):
    diary = tmp_path / "diary"

    async def run():
        channel = AsyncStdioChannel(
            [sys.executable, *FAULTY_SERVER],
            kind=FAULTY_KIND,
            plugin="faulty",
            env={"DIARY": str(diary)},
        )
        await channel.connect()
        call = channel.bind(LONG_TIMEOUT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await call({"what": "silence"})
        assert await call({"what": "ok"}) == {"said": "ok"}
        await channel.aclose()

    asyncio.run(run())
    assert "notifications/cancelled 4" in diary.read_text()


def test_many_tasks_get_their_own_answers():
    async def run():
        channel = AsyncStdioChannel([sys.executable, *FAULTY_SERVER], kind=TOOL, plugin="faulty")
        await channel.connect()
        execute = channel.bind(TOOL.hooks["execute"])
        answers = await asyncio.gather(
            *(execute(ask("long_timeout", what="ok")) for _ in range(200))
        )
        await channel.aclose()
        return answers

    assert [answer.result for answer in asyncio.run(run())] == [{"said": "ok"}] * 200


def test_a_task_that_has_its_answer_may_close_what_others_wait_for():
    async def run():
        channel = AsyncStdioChannel(
            [sys.executable, *FAULTY_SERVER], kind=FAULTY_KIND, plugin="faulty"
        )
        await channel.connect()
        call = channel.bind(LONG_TIMEOUT)

        async def close():
            assert await call({"what": "ok"}) == {"said": "ok"}
            await channel.aclose()

        others = [asyncio.create_task(call({"what": "silence"})) for _ in range(3)]
        await asyncio.wait_for(close(), 10)
        return await asyncio.gather(*others, return_exceptions=True)

    assert [type(error) for error in asyncio.run(run())] == [ConnectFailed] * 3


def test_closing_ends_a_call_that_has_the_connection_to_itself(open_channel):
    channel = open_channel(*FAULTY_SERVER)
    call = channel.bind(LONG_TIMEOUT)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, {"what": "silence"})
        while _connection(channel).router.last_id < 4:
            time.sleep(0.01)
        channel.close()
        with pytest.raises(ConnectFailed, match="the channel is closed"):
            waiting.result(10)


def test_closing_ends_the_calls_under_way(open_channel):
    channel = open_channel(*FAULTY_SERVER)
    call = channel.bind(LONG_TIMEOUT)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(call, {"what": "silence"}) for _ in range(2)]
        while len(_connection(channel).router.pending) < 2:
            time.sleep(0.01)
        channel.close()
        for waiting in calls:
            with pytest.raises(ConnectFailed, match="the channel is closed"):
                waiting.result()
    with pytest.raises(ConnectFailed, match="the channel is closed"):
        call({"what": "ok"})
    channel.close()


def _connection(channel):
    return getattr(channel, "channel", channel)._connection


def test_a_channel_that_is_dropped_ends_its_process(open_channel):
    channel = StdioChannel(
        [sys.executable, *FAULTY_SERVER],
        kind=FAULTY_KIND,
        plugin="faulty",
        env={"SCAFFOLD_TEST_MARK": open_channel.mark},
    )
    assert len(processes(open_channel.mark)) == 1
    del channel
    gc.collect()
    assert processes(open_channel.mark) == []


def test_a_host_that_exits_without_closing_leaves_no_process(open_channel):
    program = (
        "import sys; from scaffold.client._stdio.channel import StdioChannel; "
        "from scaffold.kinds.tool_v1 import TOOL; "
        "channel = StdioChannel(sys.argv[1:], kind=TOOL, plugin='faulty')"
    )
    command = [sys.executable, "-c", program, sys.executable, *FAULTY_SERVER]
    env = {"SCAFFOLD_TEST_MARK": open_channel.mark, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert processes(open_channel.mark) == []


def test_a_fork_of_the_host_leaves_the_process_alone(open_channel):
    channel = StdioChannel(
        [sys.executable, *FAULTY_SERVER],
        kind=FAULTY_KIND,
        plugin="faulty",
        env={"SCAFFOLD_TEST_MARK": open_channel.mark},
    )
    fork = os.fork()
    if not fork:
        channel.close()
        os._exit(0)
    os.waitpid(fork, 0)
    assert channel.bind(LONG_TIMEOUT)({"what": "ok"}) == {"said": "ok"}
    channel.close()


def test_signals_for_the_host_do_not_reach_the_plugin(open_channel):
    open_channel(*FAULTY_SERVER)
    (pid,) = processes(open_channel.mark)
    assert os.getsid(pid) == pid
    assert os.getsid(0) != pid


def test_a_thread_that_leads_hands_over_when_it_has_its_answer(tool):
    done = threading.Event()

    def slow():
        tool.execute(ask("sleep", seconds=0.3))
        done.set()

    threads = [threading.Thread(target=slow) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_a_crash_ends_every_call_under_way(tool):
    pid = tool.execute(ask("pid")).result
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(tool.execute, ask("sleep", seconds=30)) for _ in range(4)]
        while len(_connection(tool.channel).router.pending) < 4:
            time.sleep(0.01)
        subprocess.run(["kill", "-9", str(pid)], check=True)
        for call in calls:
            with pytest.raises(PeerCrashed, match="killed by SIGKILL"):
                call.result()
    assert tool.execute(ask("add", a=1, b=1)).result == 2


def test_a_channel_shows_its_plugin_kind_runtime_and_state(open_channel):
    channel = open_channel(*FAULTY_SERVER)
    shown = channel.channel if isinstance(channel, OnLoop) else channel
    assert repr(shown) == f"<{type(shown).__name__} faulty (faulty), mcp_stdio, open>"
    channel.close()
    assert repr(shown) == f"<{type(shown).__name__} faulty (faulty), mcp_stdio, closed>"
