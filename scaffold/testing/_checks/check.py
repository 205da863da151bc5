"""What a check is, and what comes of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from scaffold.contract._json.types import JsonObject
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest

__all__ = ["Check", "Finding", "Method", "Result", "Suite"]


class Suite(StrEnum):
    """The four parts of the proof."""

    contract = "contract"
    parity = "parity"
    hygiene = "hygiene"
    faults = "faults"


Method: TypeAlias = Literal["running", "reading"]
"""How a check looks: it runs the plugin, or it reads its code or manifest and can be deceived."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a plugin breaks an invariant."""

    place: str
    """`file:line` in the plugin's folder, or the file if no line is to blame."""
    message: str
    help: str
    """How to mend it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant, and the function that finds where a plugin breaks it."""

    name: str
    suite: Suite
    how: Method
    invariant: str
    """The sentence that holds, with its source."""
    look: Callable[[PluginUnderTest], Iterator[Finding]]
    """Raises `NotApplicable`, or a `ScaffoldError` if the plugin cannot be used at all."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check."""

    check: Check
    findings: tuple[Finding, ...] = ()
    skipped: str = ""
    """Why the check has nothing to say."""
    failed: str = ""
    """Why the check could not be carried out."""

    @property
    def outcome(self) -> Literal["ok", "wrong", "skipped", "failed"]:
        """What came of it, in one word."""
        if self.findings:
            return "wrong"
        if self.failed:
            return "failed"
        return "skipped" if self.skipped else "ok"

    def __str__(self) -> str:
        """Write findings as `place: name: message`, with the invariant and the mend under each."""
        lines = [self.skipped or self.failed] if not self.findings else []
        for one in self.findings:
            lines += [
                f"{one.place}: {self.check.name}: {one.message}",
                f"  invariant: {self.check.invariant}",
                f"  help: {one.help}",
            ]
        return "\n".join(lines)

    def as_json(self) -> JsonObject:
        """Return the result for programs."""
        return {
            "name": self.check.name,
            "suite": self.check.suite.value,
            "how": self.check.how,
            "invariant": self.check.invariant,
            "outcome": self.outcome,
            "reason": self.skipped or self.failed,
            "findings": [
                {"place": one.place, "message": one.message, "help": one.help}
                for one in self.findings
            ],
        }
