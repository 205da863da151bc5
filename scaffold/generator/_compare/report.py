"""The result of a comparison: changes, the parties that they affect, and the required version.

Versions are those of Semantic Versioning 2.0.0.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

from scaffold.generator.ir import Json

_Core: TypeAlias = tuple[int, int, int]


class Bump(IntEnum):
    """A step from one version to a later one."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3

    def __str__(self) -> str:
        return self.name.lower()


def bump_between(old: str, new: str) -> Bump:
    """Return the step between two versions; `NONE` if the second is not the later one.

    Of a version `0.y.z` a new `y` is the step that breaks (SemVer section 4), and `z` any other.
    """
    (before, was_draft), (after, is_draft) = _read(old), _read(new)
    if after < before or (after == before and (is_draft or not was_draft)):
        return Bump.NONE
    if after[0] > before[0]:
        return Bump.MAJOR
    if after[1] > before[1]:
        return Bump.MINOR if before[0] else Bump.MAJOR
    if after[2] > before[2]:
        return Bump.PATCH if before[0] else Bump.MINOR
    return Bump.MAJOR


def satisfies(old: str, new: str, asked: Bump) -> bool:
    """Tell whether a new version is the step that was asked for, or a greater one.

    A pre-release promises nothing (SemVer section 9): whatever follows it may break.
    """
    (before, was_draft), (after, _) = _read(old), _read(new)
    return (was_draft and after >= before) or bump_between(old, new) >= asked


def _read(version: str) -> tuple[_Core, bool]:
    """Return the three numbers, and whether it is a pre-release."""
    core, _, draft = version.partition("+")[0].partition("-")
    major, minor, patch = (int(number) for number in core.split("."))
    return (major, minor, patch), bool(draft)


class Party(StrEnum):
    """Who holds to a contract."""

    HOSTS = "hosts"
    """They call: they send inputs, and read outputs and errors."""
    PLUGINS = "plugins"
    """They are called: they get inputs, and answer with outputs and errors."""
    CHAINS = "chains"
    """Plugins in a row: what one answers is what the next one gets."""


class Verdict(StrEnum):
    """What a change means for a party that was made for the old contract and stays as it is."""

    COMPATIBLE = "compatible"
    """Proven to go on working."""
    UNKNOWN = "unknown"
    """Neither proven nor refuted."""
    BREAKING = "breaking"
    """Something that worked does not; a witness shows it."""


class Direction(StrEnum):
    """How one place of a schema changed."""

    WIDENED = "widened"
    NARROWED = "narrowed"
    CHANGED = "changed"
    """Some values are new, some are gone, or the direction is unknown."""
    SAME = "same"
    """The same values in other words."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A value that one side accepts and the other refuses."""

    value: Json
    accepted_by: str
    """`old input`, `new output`, …"""
    refused_by: str
    reason: str
    """What the refusing side says, with the place in the value."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a finding means for one party."""

    party: Party
    verdict: Verdict
    bump: Bump
    """The version that this asks for; of something unknown, as if it were breaking."""
    why: str
    witness: Witness | None = None


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One place where two schemas differ."""

    pointer: str
    """JSON Pointer into the new payload's schema, or into the old one's for what is gone."""
    direction: Direction
    before: Json | None
    after: Json | None
    """The keyword's values; `None` if it is not there."""


@dataclass(frozen=True, slots=True)
class ContractChange:
    """One difference between two versions of a kind."""

    hook: str
    """`""` if it concerns the whole kind."""
    subject: str
    """What differs: `input`, `dispatch`, `hook`, `timeout`, …"""
    what: str
    """In a person's words."""
    bump: Bump
    """The version step that the change requires, without its effects."""
    effects: tuple[Effect, ...] = ()
    schema_changes: tuple[SchemaChange, ...] = ()

    @property
    def required_bump(self) -> Bump:
        """The version that it asks for in all."""
        return max((self.bump, *(effect.bump for effect in self.effects)))


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a kind."""

    kind: str
    old: str | None
    """The versions; `None` where the kind is not there."""
    new: str | None
    changes: tuple[ContractChange, ...]

    def verdict(self, party: Party) -> Verdict:
        """Sum up for one party: the worst counts."""
        found = {effect.verdict for effect in self.effects(party)}
        return next(
            (each for each in (Verdict.BREAKING, Verdict.UNKNOWN) if each in found),
            Verdict.COMPATIBLE,
        )

    def effects(self, party: Party) -> list[Effect]:
        """List what concerns one party."""
        every = (effect for finding in self.changes for effect in finding.effects)
        return [effect for effect in every if effect.party is party]

    @property
    def required_bump(self) -> Bump:
        """The version step that the findings ask for."""
        return max((finding.required_bump for finding in self.changes), default=Bump.NONE)

    @property
    def actual_bump(self) -> Bump:
        """The version step that was made."""
        if self.old is None or self.new is None:
            return Bump.NONE
        return bump_between(self.old, self.new)

    @property
    def is_sufficient(self) -> bool:
        """True if the version says what happened."""
        if self.old is None or self.new is None:
            return self.old is None
        return satisfies(self.old, self.new, self.required_bump)
