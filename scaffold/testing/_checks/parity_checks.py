"""The suite `parity`: a plugin behaves the same in every runtime."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from scaffold.contract._context.call_context import calling_with, reporting_to
from scaffold.contract._hooks.channel import Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._json import Json, JsonObject
from scaffold.testing._checks.check import Check, Finding, Suite, find_differences
from scaffold.testing._plugin.plugin_under_test import NotApplicable, PluginUnderTest
from scaffold.testing._plugin.sample_calls import SampleCall, without_input_checks


def _same_answers(subject: PluginUnderTest) -> Iterator[Finding]:
    tried = [case for case in subject.remote_calls() if case.valid]
    help_text = "let the answer depend on the input alone, not on the process or on earlier calls"
    yield from _compare(subject, subject.kind, tried, help_text)


def _same_refusals(subject: PluginUnderTest) -> Iterator[Finding]:
    tried = [case for case in subject.remote_calls() if not case.valid]
    help_text = "hold inputs to the contract's own schema everywhere: 'scaffold check' finds drift"
    yield from _compare(subject, without_input_checks(subject.kind), tried, help_text)


def _same_context(subject: PluginUnderTest) -> Iterator[Finding]:
    tried = [case for case in subject.remote_calls() if case.valid]
    help_text = (
        "read the metadata in the hook, and report progress from the hook's own thread or task"
    )
    yield from _compare(subject, subject.kind, tried, help_text, _outcomes_with_progress)


_Make: TypeAlias = Callable[
    [PluginUnderTest, Channel, Sequence[SampleCall], Kind], list[JsonObject]
]


def _compare(
    subject: PluginUnderTest,
    view: Kind,
    tried: Sequence[SampleCall],
    help_text: str,
    make: _Make = PluginUnderTest.outcomes,
) -> Iterator[Finding]:
    runtimes = subject.manifest.runtime
    if len(runtimes) == 1:
        raise NotApplicable(f"its manifest offers {runtimes[0]} only")
    if not tried:
        raise NotApplicable("no hook that all runtimes offer has such a call")
    outcomes: dict[str, list[JsonObject]] = {}
    for runtime in runtimes:
        with subject.opened(runtime) as channel:
            outcomes[f"over {runtime}"] = make(subject, channel, tried, view)
    yield from find_differences(subject, tried, outcomes, help_text)


_METADATA: Final[JsonObject] = {
    "tenant_id": "tenant-1",
    "actor": "ada",
    "request_id": "request-1",
    "quota_budget": {"tokens": 100},
    "trace_context": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
}
"""All usual keys of the metadata of a call (ADR-0005 §1)."""


def _outcomes_with_progress(
    subject: PluginUnderTest, channel: Channel, tried: Sequence[SampleCall], view: Kind
) -> list[JsonObject]:
    """Make calls with metadata; return their outcomes together with their progress."""
    found: list[JsonObject] = []
    for case in tried:
        reports: list[Json] = []

        def note(
            done: float, total: float | None, message: str, into: list[Json] = reports
        ) -> None:
            into.append([float(done), None if total is None else float(total), message])

        with calling_with(_METADATA), reporting_to(note):
            (outcome,) = subject.outcomes(channel, [case], view)
        found.append({**outcome, "progress": reports} if reports else outcome)
    return found


CHECKS: Final = (
    Check(
        "same-answers",
        Suite.parity,
        "running",
        "valid inputs have the same results and errors over every runtime, byte for byte",
        _same_answers,
    ),
    Check(
        "same-refusals",
        Suite.parity,
        "running",
        "invalid inputs are refused with the same errors over every runtime, byte for byte",
        _same_refusals,
    ),
    Check(
        "same-context",
        Suite.parity,
        "running",
        "metadata, resources and progress are the same over every runtime",
        _same_context,
    ),
)
"""The checks of this suite."""
