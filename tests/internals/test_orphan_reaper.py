"""Processes end with their host, even if that is killed and they cannot notice.

Looks inside: The reaper works after the death of its host, when nothing is left that could be
asked.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaffold.client._process.orphan_reaper import OrphanReaper

HOST = """
import sys, time
from scaffold.client._process import launch, orphan_reaper, process
launch.ORPHAN_REAPER = orphan_reaper.OrphanReaper(grace=1)
program = "import re; re.match('(a+)+$', 'a' * 60 + 'b')"
child = process.Process(launch.Launch([sys.executable, "-c", program]))
print(child._child.pid, flush=True)
time.sleep(60)
"""
"""A host whose process runs one expression for ever, in C."""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or after
        return False
    return state not in "ZX"


def until_ended(pid: int) -> None:
    end = time.monotonic() + 15
    while is_alive(pid):
        assert time.monotonic() < end, "it has not ended"
        time.sleep(0.02)


def sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "60"], start_new_session=True)


pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")


def test_a_process_that_cannot_notice_is_ended_when_its_host_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        child = int(host.stdout.readline())
        host.kill()
        host.wait()
        until_ended(child)


def test_the_shell_lives_as_long_as_the_processes_and_leaves_nothing() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    orphans = OrphanReaper()
    for group in (2**22 + 1, 2**22 + 2):
        orphans.add(group)
    shell = orphans._shell
    assert is_alive(shell)
    orphans.remove(2**22 + 1)
    assert is_alive(shell)
    orphans.remove(2**22 + 2)
    orphans.remove(2**22 + 2)
    assert not is_alive(shell)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_who_is_forgotten_is_left_alone() -> None:
    ours, others = sleeper(), sleeper()
    orphans = OrphanReaper(grace=0)
    for process in (ours, others):
        orphans.add(process.pid)
    orphans.remove(others.pid)
    os.close(orphans._pipe)
    assert ours.wait(15) == -signal.SIGKILL
    assert others.poll() is None
    others.kill()
    others.wait()
    os.waitpid(orphans._shell, 0)


def test_a_shell_that_was_killed_is_replaced() -> None:
    ours = sleeper()
    orphans = OrphanReaper(grace=0)
    orphans.add(ours.pid)
    os.kill(orphans._shell, signal.SIGKILL)
    until_ended(orphans._shell)
    orphans.add(2**22 + 1)
    os.close(orphans._pipe)
    assert ours.wait(15) == -signal.SIGKILL
    os.waitpid(orphans._shell, 0)
