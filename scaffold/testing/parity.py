"""The suite `parity`: one plugin is the same plugin, whichever runtime it is reached by."""

from collections.abc import Iterator, Sequence
from typing import Final

from scaffold.contract.hook import Kind
from scaffold.contract.values import JsonObject
from scaffold.testing.cases import Case, unguarded
from scaffold.testing.check import Check, Finding, Suite
from scaffold.testing.differences import differences
from scaffold.testing.subject import NotApplicable, Subject

__all__ = ["CHECKS"]


def _same_answers(subject: Subject) -> Iterator[Finding]:
    tried = [case for case in subject.remote_cases() if case.valid]
    mend = "let the answer depend on the input alone, not on the process or on earlier calls"
    yield from _compare(subject, subject.kind, tried, mend)


def _same_refusals(subject: Subject) -> Iterator[Finding]:
    tried = [case for case in subject.remote_cases() if not case.valid]
    mend = "hold inputs to the contract's own schema everywhere: 'scaffold check' finds drift"
    yield from _compare(subject, unguarded(subject.kind), tried, mend)


def _compare(subject: Subject, view: Kind, tried: Sequence[Case], mend: str) -> Iterator[Finding]:
    runtimes = subject.manifest.runtime
    if len(runtimes) == 1:
        raise NotApplicable(f"its manifest offers {runtimes[0]} only")
    if not tried:
        raise NotApplicable("there is no such call for hooks that all runtimes have")
    outcomes: dict[str, list[JsonObject]] = {}
    for runtime in runtimes:
        with subject.opened(runtime) as channel:
            outcomes[f"over {runtime}"] = subject.outcomes(channel, tried, view)
    yield from differences(subject, tried, outcomes, mend)


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
)
"""The checks of this suite."""
