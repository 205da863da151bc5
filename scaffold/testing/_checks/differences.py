"""Findings about calls with different outcomes."""

from collections.abc import Iterator, Mapping, Sequence

from scaffold.contract._json.types import JsonObject
from scaffold.testing._checks.check import Finding
from scaffold.testing._plugin.call_outcomes import canonical_json, shorten_json
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest
from scaffold.testing._plugin.test_inputs import SampleCall


def find_differences(
    subject: PluginUnderTest,
    tried: Sequence[SampleCall],
    outcomes: Mapping[str, Sequence[JsonObject]],
    help_text: str,
) -> Iterator[Finding]:
    """Yield a finding for the first call of each hook whose outcomes differ.

    Args:
        subject: The plugin.
        tried: The calls.
        outcomes: The outcomes of all calls by place, for example `over mcp_stdio`.
        help_text: How to fix the plugin.
    """
    reported_hooks: set[str] = set()
    for index, case in enumerate(tried):
        each = {where: listed[index] for where, listed in outcomes.items()}
        if (
            len({canonical_json(outcome) for outcome in each.values()}) > 1
            and case.hook not in reported_hooks
        ):
            reported_hooks.add(case.hook)
            shown = "; ".join(f"{where} {shorten_json(outcome)}" for where, outcome in each.items())
            message = f"{case.hook}({shorten_json(case.payload)}) answers {shown}"
            yield Finding(subject.place(case.hook), message, help_text)
