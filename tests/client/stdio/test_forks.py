"""Processes that are forks are what `python -m MODULE` would have been, and end as it would."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stdio_channels import FAULTY_KIND, FAULTY_SERVER

from scaffold.client._process.fork_server_client import ForkServers
from scaffold.client._process.launch import ForkedChild, Launch, spawn
from scaffold.client._process.process import Process
from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.contract._errors.errors import ConnectFailed, PeerCrashed

REPORT = """
import json, os, random, sys, threading

if __name__ == "__main__":
    said = {
        "arguments": sys.argv,
        "folder": os.getcwd(),
        "modules from": sys.path[0],
        "main": sys.modules["__main__"].__dict__ is globals(),
        "variables": {name: os.environ.get(name) for name in ("COLOUR", "HOME", "PATH")},
        "unset": "SCAFFOLD_NEVER_SET" in os.environ,
        "leads": os.getsid(0) == os.getpid() == os.getpgid(0),
        "open": sorted(os.listdir("/dev/fd"))[:3],
        "input": sys.stdin.read(),
        "threads": threading.active_count(),
    }
    print(json.dumps(said), flush=True)
    print("and a word", file=sys.stderr)
    sys.exit(7)
"""
ANIMAL_COMMAND = [sys.executable, FAULTY_SERVER[1]]
PATIENCE = 20.0


@pytest.fixture(scope="module")
def forks():
    servers = ForkServers()
    yield servers
    servers.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "reporter"
    package.mkdir()
    package.joinpath("__init__.py").touch()
    package.joinpath("__main__.py").write_text(REPORT)
    return tmp_path


def run(launch: Launch, said: bytes = b"") -> tuple[bytes, bytes, str]:
    """Run a process to its end; return what it wrote, and how it ended."""
    process = Process(launch)
    try:
        os.write(process.stdin, said)
        process.close_input()
        assert process.wait(PATIENCE)
        os.set_blocking(process.stdout, True)
        return os.read(process.stdout, 1 << 16), os.read(process.stderr, 1 << 16), process.status
    finally:
        process.terminate(0)
        process.release()


def entries(folder: str) -> list[str]:
    return sorted(one.name for one in Path(folder).iterdir())


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("arguments", [["-m", "reporter", "-x"], ["reporter/__main__.py", "a b"]])
def test_a_fork_is_what_the_interpreter_would_have_been(forks, folder, arguments, monkeypatch):
    command, env = [sys.executable, *arguments], {"COLOUR": "r\u00f6t"}
    fork = forks.prepare(command, env)
    assert fork is not spawn
    monkeypatch.setenv("HOME", "/changed/since")
    anew = run(Launch(command, folder, env), b"hello")
    forked = run(Launch(command, folder, env, fork), b"hello")
    assert json.loads(forked[0]) == json.loads(anew[0])
    assert forked[1:] == anew[1:] == (b"and a word\n", "exit status 7")


def test_forks_do_not_share_what_is_random(forks, folder):
    folder.joinpath("dice.py").write_text("import random; print(random.random())")
    command = [sys.executable, "-m", "dice"]
    fork = forks.prepare(command, {})
    assert len({run(Launch(command, folder, {}, fork))[0] for _ in range(3)}) == 3
    assert random.random() != random.random()


def test_the_end_by_a_signal_and_by_an_exception_is_told(forks, folder):
    folder.joinpath("ends.py").write_text(
        "import os, sys\n"
        "if sys.argv[1] == 'raise': raise KeyError('no such thing')\n"
        "os.kill(os.getpid(), int(sys.argv[1]))\n"
    )
    command = [sys.executable, "-m", "ends"]
    fork = forks.prepare(command, {})
    killed = run(Launch([*command, str(int(signal.SIGSEGV))], folder, {}, fork))
    assert killed[2] == "killed by SIGSEGV"
    _, said, status = run(Launch([*command, "raise"], folder, {}, fork))
    assert status == "exit status 1"
    assert b"KeyError: 'no such thing'" in said


def test_a_server_outlives_forks_that_are_ended_while_they_end(forks, folder):
    folder.joinpath("short.py").write_text("")
    command = [sys.executable, "-m", "short"]
    fork = forks.prepare(command, {})
    servers = set()
    for number in range(60):
        process = Process(Launch(command, folder, {}, fork))
        time.sleep(number % 20 / 1000)
        process._child.signal_group(signal.SIGKILL)
        process.close_input()
        process.release()
        servers.add(type(process._child))
    assert servers == {ForkedChild}


def test_what_a_fork_has_started_ends_with_it(forks, folder):
    folder.joinpath("starts.py").write_text(
        "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    )
    command = [sys.executable, "-m", "starts"]
    said, _, _ = run(Launch(command, folder, {}, forks.prepare(command, {})))
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{int(said)}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_fork_that_ignores_everything_is_killed(forks, folder):
    folder.joinpath("deaf.py").write_text(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "deaf"]
    process = Process(Launch(command, folder, {}, forks.prepare(command, {})))
    os.set_blocking(process.stdout, True)
    assert os.read(process.stdout, 4) == b"deaf"
    process.terminate(0.0)
    assert process.status == "killed by SIGKILL"
    process.release()


def test_a_plugin_that_crashed_is_forked_again(forks):
    fork = forks.prepare(ANIMAL_COMMAND, {})
    channel = StdioChannel(ANIMAL_COMMAND, kind=FAULTY_KIND, plugin="faulty", spawn=fork)
    try:
        call = channel.bind(FAULTY_KIND.hooks["long_timeout"])
        with pytest.raises(PeerCrashed, match=r"exit status 3\); its last lines:\nI feel faint"):
            call({"what": "death"})
        assert call({"what": "ok"}) == {"said": "ok"}
    finally:
        channel.close()


async def _called(fork):
    channel = AsyncStdioChannel(ANIMAL_COMMAND, kind=FAULTY_KIND, plugin="faulty", spawn=fork)
    await channel.connect()
    try:
        return await channel.bind(FAULTY_KIND.hooks["long_timeout"])({"what": "ok"})
    finally:
        await channel.aclose()


def test_an_event_loop_calls_forks(forks):
    import asyncio

    assert asyncio.run(_called(forks.prepare(ANIMAL_COMMAND, {}))) == {"said": "ok"}


def test_nothing_is_left_of_forks_and_their_server(folder):
    folder.joinpath("who.py").write_text("import os; print(os.getpid(), os.getppid())")
    command = [sys.executable, "-m", "who"]
    before = entries("/dev/fd")
    forks = ForkServers()
    fork = forks.prepare(command, {})
    parents = set()
    for _ in range(5):
        pid, server = map(int, run(Launch(command, folder, {}, fork))[0].split())
        assert not Path(f"/proc/{pid}").exists()
        parents.add(server)
    (server,) = parents
    assert parent(server) == os.getpid()
    assert len(entries(f"/proc/{server}/task")) == 1
    held = len(entries(f"/proc/{server}/fd"))
    run(Launch(command, folder, {}, fork))
    deadline = time.monotonic() + PATIENCE
    while len(entries(f"/proc/{server}/fd")) != held:
        assert time.monotonic() < deadline
    forks.close()
    forks.close()
    assert not Path(f"/proc/{server}").exists()
    assert entries("/dev/fd") == before


def test_without_its_server_a_fork_ends_and_the_next_process_has_another_server(folder):
    folder.joinpath("waits.py").write_text(
        "import os, sys; print(os.getppid(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-m", "waits"]
    forks = ForkServers()
    fork = forks.prepare(command, {})
    process = Process(Launch(command, folder, {}, fork))
    os.set_blocking(process.stdout, True)
    server = int(os.read(process.stdout, 20))
    os.kill(server, signal.SIGKILL)
    assert process.wait(PATIENCE)
    assert process.status == "killed by SIGKILL"
    process.release()
    assert int(run(Launch(command, folder, {}, fork))[0]) not in {server, os.getpid()}
    forks.close()
    assert int(run(Launch(command, folder, {}, fork))[0]) == os.getpid()


def test_a_host_that_is_killed_leaves_no_forks(folder):
    program = (
        "import json, os, sys, time\n"
        "from pathlib import Path\n"
        "from scaffold.client._process.fork_server_client import ForkServers\n"
        "from scaffold.client._process.launch import Launch\n"
        "from scaffold.client._process.process import Process\n"
        "command = [sys.executable, '-m', 'waits']\n"
        "fork = ForkServers().prepare(command, {})\n"
        "process = Process(Launch(command, Path(sys.argv[1]), {}, fork))\n"
        "os.set_blocking(process.stdout, True)\n"
        "print(os.read(process.stdout, 40).decode(), flush=True)\n"
        "time.sleep(60)\n"
    )
    folder.joinpath("waits.py").write_text(
        "import os, sys; print(os.getpid(), os.getppid(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE
    ) as host:
        assert host.stdout is not None
        pids = host.stdout.readline().split()
        host.kill()
    deadline = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{int(pid)}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_an_interpreter_reads_as_it_starts_asks_for_another_server(folder):
    folder.joinpath("who.py").write_text("import os, sys; print(os.getppid(), sys.flags.optimize)")
    command = [sys.executable, "-m", "who"]
    forks = ForkServers()
    try:
        said = [
            run(Launch(command, folder, env, forks.prepare(command, env)))[0].split()
            for env in ({}, {"COLOUR": "red"}, {"PYTHONOPTIMIZE": "1"})
        ]
    finally:
        forks.close()
    assert said[0] == said[1]
    assert said[0][0] != said[2][0]
    assert [flag for _, flag in said] == [b"0", b"0", b"1"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["node", "server.js"], "it is neither 'python -m MODULE' nor 'python FILE.py'"),
        ([sys.executable, "-I", "-m", "demo"], "it is neither"),
        ([sys.executable, "-m"], "it is neither"),
        (["/nowhere/python3", "-m", "demo"], "'/nowhere/python3' is not found"),
    ],
)
def test_what_cannot_be_forked_is_started_anew_and_the_log_says_why(forks, command, why, caplog):
    caplog.set_level("INFO")
    assert forks.prepare(command, {}) is spawn
    assert f"{' '.join(command[:3])} is started without a fork server: {why}" in caplog.text


def test_an_environment_without_scaffold_is_asked_once_and_then_left_alone(tmp_path, caplog):
    bare = tmp_path / "python3"
    bare.write_text(
        f'#!/bin/sh\necho asked >> {tmp_path}/diary\nexec {sys.executable} -S -E -I "$@"\n'
    )
    bare.chmod(0o755)
    forks = ForkServers()
    command = [str(bare), "-m", "demo"]
    assert forks.prepare(command, {}) is spawn
    assert forks.prepare(command, {}) is spawn
    forks.close()
    assert (tmp_path / "diary").read_text() == "asked\n"
    assert "no forks of" in caplog.text
    assert "No module named 'scaffold'" in caplog.text


def test_a_folder_that_is_gone_is_named_as_ever(forks, tmp_path):
    command = [sys.executable, "-m", "demo"]
    fork = forks.prepare(command, {})
    with pytest.raises(ConnectFailed, match=r"the folder '.*nowhere' does not exist"):
        Process(Launch(command, tmp_path / "nowhere", {}, fork))
