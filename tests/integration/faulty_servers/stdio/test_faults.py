"""Servers that misbehave: every call ends in time, says why, and the next one works."""

import time
from dataclasses import dataclass

import pytest
from busy import quiet_seconds_since
from stdio_channels import CHANNELS, FAULTY_KIND, FAULTY_SERVER, processes

from scaffold.contract._errors.errors import (
    ConnectFailed,
    DeadlineExceeded,
    HookError,
    InvalidOutput,
    PeerCrashed,
    ProtocolError,
)

LONG_TIMEOUT, SHORT_TIMEOUT = FAULTY_KIND.hooks["long_timeout"], FAULTY_KIND.hooks["short_timeout"]
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Case:
    """What becomes of a call to the faulty server."""

    what: str
    outcome: object
    """What it says, or the error it ends with."""
    because: str = ""
    """What the error's message says."""
    short_timeout: bool = False
    """True where only the deadline ends the call."""
    both: bool = False
    """True where the two channels differ: what the inbox they share judges is tried with one."""


CALLS = [
    Case("ok", "ok", both=True),
    Case("garbage", DeadlineExceeded, "Loading model", short_timeout=True),
    Case("garbage, then ok", "ok"),
    Case("half a line", DeadlineExceeded, "in the middle of a line", short_timeout=True, both=True),
    Case("half a line, then death", PeerCrashed, "exit status 3"),
    Case("indented", DeadlineExceeded, "odd line", short_timeout=True),
    Case("endless line", ProtocolError, "more than 2097152 bytes", both=True),
    Case("another id", DeadlineExceeded, "unknown id 100", short_timeout=True),
    Case("id as string", DeadlineExceeded, "unknown id '", short_timeout=True),
    Case("id as float", ProtocolError, "not a JSON-RPC"),
    Case("id null", DeadlineExceeded, "structuredContent", short_timeout=True),
    Case("id true", DeadlineExceeded, "structuredContent", short_timeout=True),
    Case("no id", DeadlineExceeded, "it has no id", short_timeout=True),
    Case("error without id", ProtocolError, "what?"),
    Case("error with id null", ProtocolError, "what?"),
    Case("answers twice", "ok"),
    Case("answers an old id", "ok"),
    Case("batch", "ok"),
    Case("not JSON-RPC", ProtocolError, "not a JSON-RPC"),
    Case("result and error", ProtocolError, "refused: x"),
    Case("neither result nor error", ProtocolError, "neither result nor error"),
    Case("result of another type", ProtocolError, "not a tool result"),
    Case("error of another type", ProtocolError, "refused"),
    Case("error", ProtocolError, "out of cheese"),
    Case("invalid UTF-8", ProtocolError, "utf-8"),
    Case("deep nesting", ProtocolError, "recursion"),
    Case("not a number", ProtocolError, "NaN"),
    Case("not a number, id last", ProtocolError, "NaN"),
    Case("failure without reason", HookError, "the tool failed"),
    Case("failure of another type", HookError, "the tool failed"),
    Case("wrong output", InvalidOutput, "said"),
    Case("CRLF", "ok"),
    Case(
        "silence",
        DeadlineExceeded,
        "no answer to short_timeout within 0.25 s",
        short_timeout=True,
        both=True,
    ),
    Case("sleep", DeadlineExceeded, "no answer to short_timeout within 0.25 s", short_timeout=True),
    Case("death", PeerCrashed, "I feel faint", both=True),
    Case("killed", PeerCrashed, "killed by SIGKILL"),
    Case("exit 0", PeerCrashed, "exit status 0"),
    Case("closes its output", PeerCrashed, "closed its input or output", both=True),
    Case("closes its input", "ok", both=True),
    Case("stderr flood", "ok", both=True),
    Case("endless stderr line", "ok"),
    Case("notifications, then ok", "ok", both=True),
    Case("blank lines", "ok"),
    Case("leaves a grandchild", PeerCrashed, "exit status 4", both=True),
    Case("asks back", ["mine", {}, "other", -32601], both=True),
]


def table(cases):
    """Every case with both channels, but in the fast suite only where they differ."""
    return [
        pytest.param(
            flavour,
            case,
            id=f"{case.what}-{flavour}",
            marks=() if case.both or flavour == "threads" else pytest.mark.slow,
        )
        for case in cases
        for flavour in CHANNELS
    ]


@pytest.mark.parametrize(("open_channel", "case"), table(CALLS), indirect=["open_channel"])
def test_a_call_ends_in_time_says_why_and_the_next_one_works(open_channel, case):
    channel = open_channel(*FAULTY_SERVER, limit=2 * MEBIBYTE)
    call = channel.bind(SHORT_TIMEOUT if case.short_timeout else LONG_TIMEOUT)
    started = time.monotonic()
    if isinstance(case.outcome, type):
        with pytest.raises(case.outcome, match=case.because):
            call({"what": case.what})
    else:
        assert call({"what": case.what}) == {"said": case.outcome}
    assert quiet_seconds_since(started) < 5
    assert channel.bind(LONG_TIMEOUT)({"what": "ok"}) == {"said": "ok"}


OPENINGS = [
    Case("garbage", ConnectFailed, "no answer to {step} within .*Loading model"),
    Case("silence", ConnectFailed, "no answer to {step} within", both=True),
    Case("half a line", ConnectFailed, "in the middle of a line", both=True),
    Case("endless line", ProtocolError, "more than 2097152 bytes", both=True),
    Case("notification flood", ConnectFailed, "no answer to {step} within"),
    Case("death", ConnectFailed, "exit status 3.*I feel faint", both=True),
    Case("exit 0", ConnectFailed, "exit status 0"),
    Case("leaves a grandchild", ConnectFailed, "exit status 4", both=True),
    Case("closes its output", ConnectFailed, "closed its input or output", both=True),
    Case("error", ProtocolError, "out of cheese"),
    Case("not JSON-RPC", ProtocolError, "not a JSON-RPC"),
    Case("neither result nor error", ProtocolError, "neither result nor error"),
    Case("result of another type", ProtocolError, "malformed"),
    Case("deep nesting", ProtocolError, "recursion"),
]


@pytest.mark.parametrize("step", ["initialize", pytest.param("tools/list", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("open_channel", "case"), table(OPENINGS), indirect=["open_channel"])
def test_an_opening_that_fails_ends_in_time_and_says_why(open_channel, step, case):
    because = f"(?s){case.because.format(step=step)}"
    # A server that ends at `initialize` is started once more; only silence takes all of the time.
    seconds = 0.5 if "no answer" in case.because else 3
    started = time.monotonic()
    with pytest.raises(case.outcome, match=because):
        open_channel(
            *FAULTY_SERVER, "--at", step, case.what, limit=2 * MEBIBYTE, startup_timeout=seconds
        )
    assert quiet_seconds_since(started) < 5


@pytest.mark.parametrize(
    "what",
    ["silence", "error", "empty result", "error with id null", "result of another type"],
)
def test_a_server_that_does_not_know_the_probe_is_greeted_as_an_old_one(
    open_channel, what, monkeypatch
):
    for module in ("sync_connection", "async_connection"):
        monkeypatch.setattr(f"scaffold.client._stdio.connection.{module}.PROBE_TIMEOUT", 0.5)
    channel = open_channel(*FAULTY_SERVER, "--at", "server/discover", what)
    assert channel.bind(LONG_TIMEOUT)({"what": "ok"}) == {"said": "ok"}


@pytest.mark.parametrize(
    "what", ["death", "killed", "exit 0", "closes its output", "leaves a grandchild"]
)
def test_a_server_that_the_probe_killed_is_started_again_and_not_probed(open_channel, what):
    channel = open_channel(*FAULTY_SERVER, "--at", "server/discover", what)
    assert channel.bind(LONG_TIMEOUT)({"what": "ok"}) == {"said": "ok"}
    assert len(processes(open_channel.mark)) == 1


def test_a_server_of_another_time_is_refused_by_name(open_channel):
    with pytest.raises(ProtocolError, match="2099-01-01"):
        open_channel(*FAULTY_SERVER, "--at", "server/discover", "modern, but not ours")
    with pytest.raises(ProtocolError, match="1999-12-31"):
        open_channel(*FAULTY_SERVER, "--at", "initialize", "sad revision")


def test_a_listing_that_is_none_is_refused(open_channel):
    with pytest.raises(ProtocolError, match="no end"):
        open_channel(*FAULTY_SERVER, "--at", "tools/list", "endless pages")
    with pytest.raises(ProtocolError, match="without 'name'"):
        open_channel(*FAULTY_SERVER, "--at", "tools/list", "tools without names")


def test_a_slow_start_is_waited_for(open_channel):
    channel = open_channel(*FAULTY_SERVER, "--at", "start", "nap")
    assert channel.bind(LONG_TIMEOUT)({"what": "ok"}) == {"said": "ok"}


@pytest.mark.slow
def test_a_slow_start_is_not_taken_for_an_old_server(open_channel, tmp_path):
    diary = tmp_path / "diary"
    arguments = (*FAULTY_SERVER, "--at", "start", "nap of 3 s", "--modern")
    open_channel(*arguments, env={"DIARY": str(diary)})
    assert diary.read_text().splitlines() == ["server/discover", "tools/list"]


def test_a_start_that_is_too_slow_ends_in_time(open_channel):
    with pytest.raises(
        ConnectFailed, match=r"no answer to server/discover.*not read all of its input"
    ):
        open_channel(*FAULTY_SERVER, "--at", "start", "long nap", startup_timeout=0.5)


def test_a_server_that_reads_no_more_is_given_up_and_started_again(open_channel):
    channel = open_channel(*FAULTY_SERVER)
    before = channel.bind(LONG_TIMEOUT)({"what": "pid"})
    assert channel.bind(LONG_TIMEOUT)({"what": "reads no more"}) == {"said": "ok"}
    for _ in range(3):
        with pytest.raises(DeadlineExceeded, match="not read all of its input"):
            channel.bind(SHORT_TIMEOUT)({"what": "x" * 8 * MEBIBYTE})
    after = channel.bind(LONG_TIMEOUT)({"what": "pid"})
    assert after != before


@pytest.mark.parametrize(
    ("what", "count"),
    [
        ("long nap", 3),
        pytest.param("stopped", 3, marks=pytest.mark.slow),
        ("notification flood", 6),  # as long as output comes, its host may be the slow one
    ],
)
def test_a_server_that_answers_nothing_again_and_again_is_restarted(open_channel, what, count):
    channel = open_channel(*FAULTY_SERVER)
    before = channel.bind(LONG_TIMEOUT)({"what": "pid"})
    call = channel.bind(SHORT_TIMEOUT)
    for _ in range(count - 1):
        with pytest.raises(DeadlineExceeded, match="no answer to short_timeout"):
            call({"what": what})
    with pytest.raises(DeadlineExceeded, match=f"{count} calls in a row had no answer"):
        call({"what": what})
    after = channel.bind(LONG_TIMEOUT)({"what": "pid"})
    assert after != before


def test_a_server_that_ignores_the_end_is_killed_when_the_channel_closes(open_channel, monkeypatch):
    for module in ("channel", "async_channel"):
        monkeypatch.setattr(f"scaffold.client._stdio.{module}.CLOSE_GRACE_PERIOD", 0.2)
    channel = open_channel(*FAULTY_SERVER)
    assert channel.bind(LONG_TIMEOUT)({"what": "ignores the end"}) == {"said": "ok"}
    started = time.monotonic()
    channel.close()
    assert quiet_seconds_since(started) < 5
    assert processes(open_channel.mark) == []


@pytest.mark.slow
def test_a_line_of_100_mb_is_read_if_the_limit_allows_it_and_refused_if_not(open_channel):
    channel = open_channel(*FAULTY_SERVER, limit=128 * MEBIBYTE)
    answer = channel.bind(LONG_TIMEOUT)({"what": "long line"})
    assert len(answer["said"]) == 100 * MEBIBYTE
    channel = open_channel(*FAULTY_SERVER)
    with pytest.raises(ProtocolError, match="more than 67108864 bytes"):
        channel.bind(LONG_TIMEOUT)({"what": "long line"})
    assert channel.bind(LONG_TIMEOUT)({"what": "ok"}) == {"said": "ok"}
