"""The suite `faults`: a fault ends with a clear error, and the next call works."""

from collections.abc import Iterator
from typing import Final

from scaffold.contract._errors.errors import DeadlineExceeded
from scaffold.contract._hooks.dispatch_class import Dispatch
from scaffold.contract._hooks.dispatcher import StopChain
from scaffold.contract._json.types import JsonObject, is_object
from scaffold.manifest._runtime_choice import choose_runtime
from scaffold.testing._checks.check import Check, Finding, Suite
from scaffold.testing._checks.crash_checks import deadline, killed_mid_call
from scaffold.testing._plugin.call_outcomes import shorten_json
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest
from scaffold.testing._plugin.raw_client import NoResponse, RawClient, start_server
from scaffold.testing._plugin.test_inputs import SampleCall

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
