"""The suite `faults`: a fault ends with a clear error, and the next call works."""

import os
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from scaffold.contract._errors.errors import DeadlineExceeded, PeerCrashed
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.dispatcher import StopChain
from scaffold.contract._hooks.hook import Dispatch, Kind
from scaffold.contract._json import JsonObject, is_object
from scaffold.host._runtimes.connection_settings import resolve_command
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.manifest._compatibility import choose_runtime
from scaffold.testing._checks.check import Check, Finding, Suite
from scaffold.testing._plugin.plugin_under_test import NotApplicable, PluginUnderTest, call_as_json
from scaffold.testing._plugin.raw_client import NoResponse, RawClient, start_server
from scaffold.testing._plugin.runtimes import call_outcome, shorten_json
from scaffold.testing._plugin.sample_calls import SampleCall, with_timeout

_LONG_TIMEOUT: Final = 10.0
_SHORT_TIMEOUT: Final = 0.5
_GRACE_PERIOD: Final = 5.0
"""Seconds by which an error may be late on a busy machine."""
_CALL_START_DELAY: Final = 0.1
"""Seconds after which a call has started; if it has not, the check is only less strict."""
_WRITE_PID_COMMAND: Final = ("sh", "-c", 'echo $$ > "$0"; exec "$@"')
"""Writes the id of the process to a file, then becomes the command."""

_MALFORMED: Final = (
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe\x00",
    b"[" * 50_000,
    b'{"jsonrpc":"2.0","id":{},"method":5}',
    b'{"jsonrpc":"2.0","id":"a","method":"tools/call","params":[]}',
    b'{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":5}}',
)
"""Lines that are not valid messages."""
_UNKNOWN: Final[tuple[tuple[str, JsonObject], ...]] = (
    ("tools/call", {"name": "no_such_tool", "arguments": {}}),
    ("no/such/method", {}),
)
_MESSAGE_LIMIT_MB: Final = 1
_BYTES_PER_MB: Final = 1024 * 1024
_HELP: Final = "serve it with 'scaffold.server', or answer errors as JSON-RPC 2.0 says"


@dataclass(frozen=True, slots=True)
class _PausableServer:
    """A channel to a plugin, and signals to its process."""

    channel: Channel
    pid_file: Path
    case: SampleCall

    def signal(self, number: signal.Signals) -> None:
        os.kill(int(self.pid_file.read_text()), number)

    def call(self, kind: Kind) -> JsonObject:
        return call_outcome(lambda: call_as_json(self.channel, kind, self.case))


def killed_mid_call(subject: PluginUnderTest) -> Iterator[Finding]:
    """Stop the process, call, and kill it."""
    patient = with_timeout(subject.kind, _LONG_TIMEOUT)
    with _pausable_server(subject) as held, ThreadPoolExecutor(1) as thread:
        held.signal(signal.SIGSTOP)
        pending = thread.submit(held.call, patient)
        with suppress(TimeoutError):
            pending.result(_CALL_START_DELAY)
        held.signal(signal.SIGKILL)
        ended = pending.result()
        if _transport_error(ended) not in {"", PeerCrashed.code}:
            message = f"{held.case.hook} ended in {shorten_json(ended)} when its process was killed"
            help_text = (
                "let the command become the server with 'exec', and start it in no other session"
            )
            yield Finding(subject.manifest_place, message, help_text)
        after_restart = held.call(patient)
        if _transport_error(after_restart):
            message = (
                f"it cannot be started after its process was killed: {shorten_json(after_restart)}"
            )
            help_text = "remove what stops a new process: locks, ports, pid files"
            yield Finding(subject.place("setup"), message, help_text)


def deadline(subject: PluginUnderTest) -> Iterator[Finding]:
    """Stop the process, call, and continue the process after the deadline."""
    patient = with_timeout(subject.kind, _LONG_TIMEOUT)
    with _pausable_server(subject) as held:
        held.signal(signal.SIGSTOP)
        begun = monotonic()
        late = held.call(with_timeout(subject.kind, _SHORT_TIMEOUT))
        taken = monotonic() - begun
        held.signal(signal.SIGCONT)
        if (
            _transport_error(late) != DeadlineExceeded.code
            or taken > _SHORT_TIMEOUT + _GRACE_PERIOD
        ):
            message = (
                f"{held.case.hook} ended in {shorten_json(late)} "
                f"after {taken:.1f} s of {_SHORT_TIMEOUT:g} s"
            )
            help_text = "let the command become the server with 'exec', not a child of it"
            yield Finding(subject.manifest_place, message, help_text)
        after = held.call(patient)
        if _transport_error(after):
            message = f"after a deadline the next call ends in {shorten_json(after)}"
            help_text = "answer calls one by one, and drop those that are cancelled"
            yield Finding(subject.manifest_place, message, help_text)


def _transport_error(outcome: JsonObject) -> str:
    """Return the code of a transport error, or `""` if the plugin responded."""
    error = outcome.get("error", {})
    return "" if "message" in error else error.get("code", "")


@contextmanager
def _pausable_server(subject: PluginUnderTest) -> Generator[_PausableServer]:
    manifest = subject.manifest
    subject.must_offer("mcp_stdio")
    assert manifest.mcp_stdio is not None
    valid = [case for case in subject.remote_calls() if case.valid]
    if not valid:
        raise NotApplicable("it has no hook that can be called over mcp_stdio")
    with TemporaryDirectory(prefix="plugin-") as folder:
        pid_file = Path(folder, "pid")
        command = (*_WRITE_PID_COMMAND, str(pid_file), *resolve_command(manifest))
        stdio = manifest.mcp_stdio.model_copy(update={"command": command})
        noting = manifest.model_copy(update={"mcp_stdio": stdio})
        environment = replace(subject.provision(), manifest=noting)
        channel = open_channel(environment, subject.kind, "mcp_stdio")
        try:
            yield _PausableServer(channel, pid_file, valid[-1])
        finally:
            channel.close()


def _malformed_input(subject: PluginUnderTest) -> Iterator[Finding]:
    with start_server(subject) as peer:
        peer.greet(subject)
        for line in _MALFORMED:
            peer.write(line)
            if not _answers(peer):
                shown = line[:60].decode("utf-8", "replace")
                message = f"it answers nothing more after the line {shorten_json(shown)}"
                yield Finding(subject.manifest_place, message, _HELP)
                return


def _oversized_input(subject: PluginUnderTest) -> Iterator[Finding]:
    with start_server(subject, {"MCP_MAX_MESSAGE_MB": str(_MESSAGE_LIMIT_MB)}) as peer:
        peer.greet(subject)
        filling = b"x" * (2 * _MESSAGE_LIMIT_MB * _BYTES_PER_MB)
        peer.write(b'{"jsonrpc":"2.0","id":"big","method":"ping","params":{"x":"%b"}}' % filling)
        if not _answers(peer):
            message = f"it answers nothing more after a message of {2 * _MESSAGE_LIMIT_MB} MB"
            yield Finding(subject.manifest_place, message, _HELP)


def _answers(peer: RawClient) -> bool:
    try:
        peer.ask("tools/list", {})
    except NoResponse:
        return False
    return True


def _unknown_names(subject: PluginUnderTest) -> Iterator[Finding]:
    with start_server(subject) as peer:
        peer.greet(subject)
        for method, params in _UNKNOWN:
            try:
                answered = peer.ask(method, params)
            except NoResponse as error:
                yield Finding(subject.manifest_place, f"{error}, {shorten_json(params)}", _HELP)
                return
            result = answered.get("result")
            refused = is_object(result) and result.get("isError") is True
            if "error" not in answered and not refused:
                message = (
                    f"'{method}' of {shorten_json(params)} is answered: {shorten_json(answered)}"
                )
                yield Finding(subject.manifest_place, message, _HELP)


def _declared_errors(subject: PluginUnderTest) -> Iterator[Finding]:
    """Call with valid inputs: a hook may fail only with an error code of its kind."""
    for case, error in _errors(subject):
        hook = subject.kind.hooks[case.hook]
        declared = {one["code"] for one in subject.kind.describe(case.hook)["errors"]}
        if hook.dispatch is Dispatch.CHAIN:
            declared.add(StopChain.CODE)
        if error not in declared | {DeadlineExceeded.code}:
            codes = ", ".join(sorted(declared)) or "none"
            message = f"{case.hook}({shorten_json(case.payload)}) fails with '{error}'"
            help_text = f"answer, or raise a HookError with a code of its hookspec: {codes}"
            yield Finding(subject.place(case.hook), message, help_text)


def _time_limit(subject: PluginUnderTest) -> Iterator[Finding]:
    for case, error in _errors(subject):
        if error == DeadlineExceeded.code:
            seconds = subject.kind.hooks[case.hook].timeout or 0.0
            message = f"{case.hook}({shorten_json(case.payload)}) takes longer than {seconds:g} s"
            help_text = "do less in one call, or ask the hookspec for a longer timeout"
            yield Finding(subject.place(case.hook), message, help_text)


def _errors(subject: PluginUnderTest) -> Iterator[tuple[SampleCall, str]]:
    """Yield the calls with valid inputs that fail, and the codes: one of each per hook."""
    reported: set[tuple[str, str]] = set()
    with subject.opened(choose_runtime(subject.manifest, None)) as channel:
        outcomes = subject.outcomes(channel, subject.valid_calls)
    for case, outcome in zip(subject.valid_calls, outcomes, strict=True):
        error = outcome.get("error")
        if error is not None and (case.hook, error["code"]) not in reported:
            reported.add((case.hook, error["code"]))
            yield case, error["code"]


CHECKS: Final = tuple(
    Check(name, Suite.faults, "running", invariant, look)
    for name, invariant, look in (
        (
            "killed-mid-call",
            "a killed process ends its call clearly, and a new process handles the next call",
            killed_mid_call,
        ),
        (
            "deadline",
            "a call without a response ends at its deadline, and the next call works",
            deadline,
        ),
        ("time-limit", "calls with valid inputs end within the timeout of their hook", _time_limit),
        (
            "malformed-input",
            "lines that are not messages are refused, and the next one is processed (JSON-RPC 2.0)",
            _malformed_input,
        ),
        (
            "oversized-input",
            "a message above the limit is refused, and the next one gets a response",
            _oversized_input,
        ),
        (
            "unknown-names",
            "unknown tools and methods are refused (MCP 2026-07-28, Tools)",
            _unknown_names,
        ),
        (
            "declared-errors",
            "a hook that fails with a valid input raises a code that its kind declares",
            _declared_errors,
        ),
    )
)
"""The checks of this suite."""
