"""The suite `parity`: one plugin is the same plugin, whichever runtime it is reached by."""

from collections.abc import Iterator, Sequence
from typing import Final

from scaffold.contract.hook import Kind
from scaffold.contract.values import JsonObject
from scaffold.testing.cases import Case, unguarded
from scaffold.testing.check import Check, Finding, NotApplicable, Suite
from scaffold.testing.outcomes import brief, canonical
from scaffold.testing.subject import Subject

__all__ = ["CHECKS"]


def _same_answers(subject: Subject) -> Iterator[Finding]:
    tried = [case for case in subject.remote_cases() if case.valid]
    mend = "let the answer depend on the input alone, not on the process or on earlier calls"
    yield from _differences(subject, subject.kind, tried, mend)


def _same_refusals(subject: Subject) -> Iterator[Finding]:
    tried = [case for case in subject.remote_cases() if not case.valid]
    mend = "hold inputs to the contract's own schema everywhere: 'scaffold check' finds drift"
    yield from _differences(subject, unguarded(subject.kind), tried, mend)


def _differences(
    subject: Subject, view: Kind, tried: Sequence[Case], mend: str
) -> Iterator[Finding]:
    runtimes = subject.manifest.runtime
    if len(runtimes) == 1:
        raise NotApplicable(f"its manifest offers {runtimes[0]} only")
    if not tried:
        raise NotApplicable("there is no such call for hooks that all runtimes have")
    outcomes: dict[str, list[JsonObject]] = {}
    for runtime in runtimes:
        with subject.opened(runtime) as channel:
            outcomes[runtime] = subject.outcomes(channel, tried, view)
    told: set[str] = set()
    for index, case in enumerate(tried):
        each = {runtime: listed[index] for runtime, listed in outcomes.items()}
        if len({canonical(one) for one in each.values()}) > 1 and case.hook not in told:
            told.add(case.hook)
            shown = "; ".join(f"over {name} {brief(one)}" for name, one in each.items())
            message = f"{case.hook}({brief(case.payload)}) answers {shown}"
            yield Finding(subject.place(case.hook), message, mend)


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
