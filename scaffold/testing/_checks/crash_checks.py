"""Checks that stop or kill the process of a plugin during a call."""

import os
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from scaffold.contract._errors.errors import DeadlineExceeded, PeerCrashed
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._json.types import JsonObject
from scaffold.host._runtimes.connection_settings import resolve_command
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.testing._checks.check import Finding
from scaffold.testing._plugin.call_outcomes import call_outcome, shorten_json
from scaffold.testing._plugin.plugin_under_test import NotApplicable, PluginUnderTest, call_as_json
from scaffold.testing._plugin.test_inputs import SampleCall, with_timeout

_LONG_TIMEOUT: Final = 10.0
_SHORT_TIMEOUT: Final = 0.5
_GRACE_PERIOD: Final = 5.0
"""Seconds by which an error may be late on a busy machine."""
_CALL_START_DELAY: Final = 0.1
"""Seconds after which a call has started; if it has not, the check is only less strict."""

_WRITE_PID_COMMAND: Final = ("sh", "-c", 'echo $$ > "$0"; exec "$@"')
"""Writes the id of the process to a file, then becomes the command."""


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
        channel = open_channel(noting, subject.kind, "mcp_stdio", subject.provision())
        try:
            yield _PausableServer(channel, pid_file, valid[-1])
        finally:
            channel.close()
