"""Pools of processes that are forked from one with loaded plugins: of Celery, servers and Python.

Every call gets its own answer, over every runtime, blocking and awaited, and nothing is left.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from busy import quiet_seconds_since

HERE = Path(__file__).parent
MANIFEST = 'name = "{name}"\nkind = "text_processor"\nruntime = "{runtime}"\n{section}'
SERVE = ["-m", "scaffold.server", "observed_plugins:Plain", "--name", "p"]

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]


@pytest.fixture
def pools(tmp_path):
    """Write the plugins, serve one over HTTP, and yield the environment of what uses them."""
    env = {**os.environ, "PYTHONPATH": str(HERE), "PREFORK_FOLDER": str(tmp_path)}
    env |= {"PYTHONWARNINGS": "ignore::DeprecationWarning"}  # threads and forks: that is tested
    env.pop("SCAFFOLD_DEBUG_LOCKS", None)
    command = ", ".join(f'"{word}"' for word in (sys.executable, *SERVE))
    with _served(env) as url:
        sections = {
            "plain": ("in_process", 'entry_point = "observed_plugins:Plain"'),
            "awaited": ("in_process", 'entry_point = "observed_plugins:Awaited"'),
            "pipes": ("mcp_stdio", f"[mcp_stdio]\ncommand = [{command}]"),
            "sockets": ("mcp_http", f'[mcp_http]\nurl = "{url}"'),
        }
        for name, (runtime, section) in sections.items():
            (tmp_path / name).mkdir()
            manifest = MANIFEST.format(name=name, runtime=runtime, section=section)
            (tmp_path / name / "dagstack.toml").write_text(manifest)
        yield env
    until(lambda: not processes(tmp_path), "all processes have ended")


@contextmanager
def _served(env):
    log = Path(env["PREFORK_FOLDER"], "server.log")
    with log.open("wb") as stderr:
        command = [sys.executable, *SERVE, "--http", "--port", "0"]
        server = subprocess.Popen(command, env=env, stderr=stderr)
    try:
        until(lambda: b"listening" in log.read_bytes(), "the server listens")
        found = re.search(r"http://127\.0\.0\.1:\d+/mcp", log.read_text())
        assert found is not None
        yield found[0]
    finally:
        server.terminate()
        server.wait(20)


def until(done, what, seconds=60):
    """Wait until something holds; the time that a busy machine takes does not count."""
    begun = time.monotonic()
    while not done():
        assert quiet_seconds_since(begun) < seconds, f"not true in time: {what}"
        time.sleep(0.1)


def processes(folder):
    """Return the processes that have been started with the environment of a test."""
    mark = f"PREFORK_FOLDER={folder}\0".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [path.parent.name] if mark in path.read_bytes() else []
        except OSError:
            continue
    return found


def run(env, program, seconds=300):
    """Run a program in a process group of its own; return what it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        return process.communicate(timeout=seconds)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_pool_that_is_forked_calls_plugins_that_its_parent_has_loaded(pools):
    assert run(pools, "import prefork; prefork.pool('fork', 2, 40)") == "40 right\n"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_multiprocessing_make_two_thousand_calls(pools, method):
    assert run(pools, f"import prefork; prefork.pool({method!r}, 4, 2000)") == "2000 right\n"


@pytest.mark.slow
def test_workers_of_a_web_server_call_plugins_that_it_has_loaded(pools):
    assert run(pools, "import prefork; prefork.server(5, 60)") == "20 right\n"


@pytest.mark.slow
def test_a_worker_of_celery_makes_two_thousand_calls(pools, tmp_path):
    log = tmp_path / "log"
    log.touch()
    send = "import celery_tasks\nfor number in range(2000): celery_tasks.note.delay(number)"
    assert run(pools, send) == ""
    arguments = ["-A", "celery_tasks", "worker", "--pool", "prefork", "-c", "4", "-l", "warning"]
    with (tmp_path / "worker.log").open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", *arguments],
            env=pools,
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: log.read_text().count("\n") >= 2000, "all tasks are done", 240)
        worker.terminate()
        assert worker.wait(60) == 0
    finally:
        if worker.poll() is None:
            worker.kill()
    done = [line.split() for line in log.read_text().splitlines()]
    assert Counter(word for word, _, _ in done) == {"right": 2000}
    assert {int(number) for _, number, _ in done} == set(range(2000))
    assert len({process for _, _, process in done}) >= 4
    assert "Traceback" not in (tmp_path / "worker.log").read_text()
