"""What becomes of calls, and of the next ones, when the process ends."""

import os
import signal
import time
from pathlib import Path

import pytest
from busy import slowness
from stdio_channels import FAULTY_KIND, FAULTY_SERVER, processes

from scaffold.client._stdio.restart_policy import RestartPolicy
from scaffold.contract._errors.errors import (
    ConnectFailed,
    DeadlineExceeded,
    PeerCrashed,
    ProtocolError,
)

LONG_TIMEOUT, SHORT_TIMEOUT, REPEATABLE = (
    FAULTY_KIND.hooks[name] for name in ("long_timeout", "short_timeout", "repeatable")
)


@pytest.fixture
def diary(tmp_path):
    return tmp_path / "diary"


def open_faulty(open_channel, diary, *arguments, **options):
    return open_channel(*FAULTY_SERVER, *arguments, env={"DIARY": str(diary)}, **options)


def test_a_call_that_was_sent_is_not_repeated(open_channel, diary):
    channel = open_faulty(open_channel, diary)
    with pytest.raises(PeerCrashed, match="exit status 3"):
        channel.bind(LONG_TIMEOUT)({"what": "dies once"})
    assert diary.read_text().count("tools/call dies once") == 1


def test_an_idempotent_call_is_repeated_once(open_channel, diary):
    channel = open_faulty(open_channel, diary)
    assert channel.bind(REPEATABLE)({"what": "dies once"}) == {"said": "alive"}
    with pytest.raises(PeerCrashed, match="exit status 3"):
        channel.bind(REPEATABLE)({"what": "death"})
    assert diary.read_text().count("tools/call death") == 2


def test_a_call_that_finds_no_process_goes_to_a_new_one_whatever_it_does(open_channel, diary):
    channel = open_faulty(open_channel, diary)
    (first,) = processes(open_channel.mark)
    os.kill(first, signal.SIGKILL)
    while _is_at_work(first):
        time.sleep(0.01)
    assert channel.bind(LONG_TIMEOUT)({"what": "ok"}) == {"said": "ok"}
    assert diary.read_text().count("tools/call ok") == 1


def _is_at_work(pid: int) -> bool:
    """Tell whether a process still has its pipes: one that ends gives its memory back before."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or after
        return False


def test_the_era_is_remembered_over_restarts(open_channel, diary):
    channel = open_faulty(open_channel, diary)
    call = channel.bind(REPEATABLE)
    call({"what": "dies once"})
    assert diary.read_text().split("\n").count("server/discover") == 1
    assert diary.read_text().split("\n").count("initialize") == 2


def test_a_modern_server_is_not_greeted(open_channel, diary):
    channel = open_faulty(open_channel, diary, "--modern")
    channel.bind(REPEATABLE)({"what": "dies once"})
    assert diary.read_text().splitlines() == [
        "server/discover",
        "tools/list",
        "tools/call dies once",
        "tools/list",
        "tools/call dies once",
    ]


def test_after_five_restarts_in_a_row_the_client_gives_up_and_says_so(open_channel, caplog):
    channel = open_channel(*FAULTY_SERVER)
    call = channel.bind(LONG_TIMEOUT)
    for _ in range(6):
        with pytest.raises(PeerCrashed, match="I feel faint"):
            call({"what": "death"})
    with pytest.raises(PeerCrashed, match=r"given up after 5 restarts in a row.*exit status 3"):
        call({"what": "ok"})
    assert "given up after 5 restarts" in caplog.text
    assert processes(open_channel.mark) == []


def test_an_answered_call_makes_up_for_the_crashes_before_it(open_channel):
    channel = open_channel(*FAULTY_SERVER)
    call = channel.bind(LONG_TIMEOUT)
    for _ in range(8):
        with pytest.raises(PeerCrashed):
            call({"what": "death"})
        assert call({"what": "ok"}) == {"said": "ok"}


def test_a_call_does_not_wait_for_a_restart_beyond_its_deadline(open_channel, diary):
    channel = open_faulty(open_channel, diary, "--at", "start", "the second time a long nap")
    with pytest.raises(PeerCrashed):
        channel.bind(LONG_TIMEOUT)({"what": "death"})
    with pytest.raises(DeadlineExceeded, match="not yet up again"):
        channel.bind(SHORT_TIMEOUT)({"what": "ok"})


def test_a_restart_that_fails_says_why(open_channel, diary):
    channel = open_faulty(
        open_channel,
        diary,
        "--at",
        "start",
        "the second time a long nap",
        startup_timeout=0.5 * slowness(),
    )
    with pytest.raises(PeerCrashed):
        channel.bind(LONG_TIMEOUT)({"what": "death"})
    with pytest.raises(ConnectFailed, match="no answer to initialize"):
        channel.bind(LONG_TIMEOUT)({"what": "ok"})


def test_restarts_wait_twice_as_long_each_time():
    class Ended:
        end = staticmethod(lambda: ProtocolError("no MCP"))

        def answered_since_check(self):
            return False

    policy = RestartPolicy(FAULTY_KIND, "faulty")
    assert [policy.count_restart(Ended()) for _ in range(5)] == [0.0, 0.1, 0.2, 0.4, 0.8]
    with pytest.raises(PeerCrashed, match="given up after 5 restarts in a row; no MCP"):
        policy.count_restart(Ended())
