"""Checks, findings and results; and the finding that calls have different outcomes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from scaffold.contract._json import JsonObject
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest
from scaffold.testing._plugin.runtimes import canonical_json, shorten_json
from scaffold.testing._plugin.sample_calls import SampleCall


class Suite(StrEnum):
    """The four suites of checks."""

    contract = "contract"
    parity = "parity"
    hygiene = "hygiene"
    faults = "faults"


Method: TypeAlias = Literal["running", "reading"]
"""Whether a check runs the plugin, or only reads its code or manifest, which is less certain."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a plugin breaks an invariant."""

    place: str
    """`file:line` in the folder of the plugin, or only the file."""
    message: str
    help: str
    """How to fix it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant, and the function that finds violations of it."""

    name: str
    suite: Suite
    how: Method
    invariant: str
    """The invariant in one sentence, with its source."""
    look: Callable[[PluginUnderTest], Iterator[Finding]]
    """Yields the findings. Raises `NotApplicable`, or `ScaffoldError` for an unusable plugin."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one check."""

    check: Check
    findings: tuple[Finding, ...] = ()
    skipped: str = ""
    """Why the check does not apply."""
    failed: str = ""
    """Why the check could not run."""

    @property
    def outcome(self) -> Literal["ok", "wrong", "skipped", "failed"]:
        """The result in one word."""
        if self.findings:
            return "wrong"
        if self.failed:
            return "failed"
        return "skipped" if self.skipped else "ok"

    def __str__(self) -> str:
        """Write findings as `place: name: message`, each followed by its invariant and help."""
        lines = [self.skipped or self.failed] if not self.findings else []
        for finding in self.findings:
            lines += [
                f"{finding.place}: {self.check.name}: {finding.message}",
                f"  invariant: {self.check.invariant}",
                f"  help: {finding.help}",
            ]
        return "\n".join(lines)

    def as_json(self) -> JsonObject:
        """Return the result as JSON."""
        return {
            "name": self.check.name,
            "suite": self.check.suite.value,
            "how": self.check.how,
            "invariant": self.check.invariant,
            "outcome": self.outcome,
            "reason": self.skipped or self.failed,
            "findings": [
                {"place": finding.place, "message": finding.message, "help": finding.help}
                for finding in self.findings
            ],
        }


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
