"""Compares two versions of a kind: its own constraints, then every hook."""

from collections.abc import Iterator

from scaffold.generator import ir
from scaffold.generator._compare.hooks import compare_flag, compare_hooks
from scaffold.generator._compare.report import (
    Bump,
    ContractChange,
    Effect,
    Party,
    Report,
    Verdict,
    Witness,
)


def compare(old: ir.Kind, new: ir.Kind) -> Report:
    """Compare two versions of a kind: what changed, and which parties it breaks.

    `compatible` is proven, `breaking` comes with a witness, and the rest is `unknown`.
    """
    findings = [*_kind(old, new), *_hooks(old, new)]
    if not findings and old.digest != new.digest:
        findings = [ContractChange("", "contract", "the same contract in other words", Bump.PATCH)]
    return Report(new.name, old.version, new.version, tuple(findings))


def kind_removed(old: ir.Kind) -> Report:
    """Report a kind that is gone."""
    shown = Witness({"kind": old.name}, "old hookspecs", "new hookspecs", "there is no such kind")
    effects = tuple(
        Effect(party, Verdict.BREAKING, Bump.MAJOR, "it is the contract that they hold to", shown)
        for party in (Party.HOSTS, Party.PLUGINS)
    )
    finding = ContractChange("", "kind", "kind removed", Bump.MAJOR, effects)
    return Report(old.name, old.version, None, (finding,))


def kind_added(new: ir.Kind) -> Report:
    """Report a kind, or a major version of one, that was not there before."""
    return Report(
        new.name, None, new.version, (ContractChange("", "kind", "kind added", Bump.NONE),)
    )


def _kind(old: ir.Kind, new: ir.Kind) -> Iterator[ContractChange]:
    if old.name != new.name:
        what = f"kind renamed from '{old.name}' to '{new.name}'"
        shown = Witness({"kind": old.name}, "old kind", "new kind", what)
        effects = tuple(
            Effect(party, Verdict.BREAKING, Bump.MAJOR, "kinds are known by their names", shown)
            for party in (Party.HOSTS, Party.PLUGINS)
        )
        yield ContractChange("", "kind", what, Bump.MAJOR, effects)
    for name in ("in_process_only", "singleton_per_runtime"):
        value = getattr(new, name)
        if getattr(old, name) != value:
            yield compare_flag("", name, value, {"kind": old.name})
    if old.description != new.description:
        yield ContractChange("", "description", "description changed", Bump.PATCH)


def _hooks(old: ir.Kind, new: ir.Kind) -> Iterator[ContractChange]:
    before = {hook.name: hook for hook in old.hooks}
    after = {hook.name: hook for hook in new.hooks}
    for name in (*after, *(name for name in before if name not in after)):
        yield from compare_hooks(before.get(name), after.get(name))
