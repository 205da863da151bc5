"""Findings about one call that had several outcomes."""

from collections.abc import Iterator, Mapping, Sequence

from scaffold.contract._json.types import JsonObject
from scaffold.testing._checks.check import Finding
from scaffold.testing._plugin.call_outcomes import brief, canonical
from scaffold.testing._plugin.plugin_under_test import Subject
from scaffold.testing._plugin.test_inputs import Case

__all__ = ["differences"]


def differences(
    subject: Subject,
    tried: Sequence[Case],
    outcomes: Mapping[str, Sequence[JsonObject]],
    mend: str,
) -> Iterator[Finding]:
    """Yield a finding for the first case of each hook that did not end alike everywhere.

    `outcomes` has those of all cases, under words that say where: `over mcp_stdio`.
    """
    told: set[str] = set()
    for index, case in enumerate(tried):
        each = {where: listed[index] for where, listed in outcomes.items()}
        if len({canonical(one) for one in each.values()}) > 1 and case.hook not in told:
            told.add(case.hook)
            shown = "; ".join(f"{where} {brief(one)}" for where, one in each.items())
            message = f"{case.hook}({brief(case.payload)}) answers {shown}"
            yield Finding(subject.place(case.hook), message, mend)
