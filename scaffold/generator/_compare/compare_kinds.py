"""Compares two versions of a kind: its own constraints, then every hook.

Of a hook: presence, dispatch, flags, errors, timeout, and then its payloads. A payload shows what a
changed schema breaks. What else breaks is shown by a call, or by the thing that was allowed before.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from scaffold.generator import ir
from scaffold.generator._compare.payloads import compare_payloads, example_call
from scaffold.generator._compare.report import (
    Bump,
    ContractChange,
    Effect,
    Party,
    Report,
    Verdict,
    Witness,
)
from scaffold.generator._compare.semver_policy import FLAG_IMPACTS, Impact
from scaffold.generator.ir import Json

_Rule: TypeAlias = Callable[[ir.Hook, ir.Hook], Iterator[ContractChange]]


def compare_hooks(old: ir.Hook | None, new: ir.Hook | None) -> Iterator[ContractChange]:
    """Yield every difference between two versions of a hook; `None` stands for no hook."""
    if new is None:
        assert old is not None
        shown = Witness(example_call(old), "old kind", "new kind", f"there is no hook '{old.name}'")
        effect = Effect(Party.HOSTS, Verdict.BREAKING, Bump.MAJOR, "they may call it", shown)
        yield ContractChange(old.name, "hook", "hook removed", Bump.MAJOR, (effect,))
    elif old is None:
        shown = Witness(example_call(new), "new kind", "old kind", f"there is no hook '{new.name}'")
        why = "they do not have it"
        effect = Effect(Party.PLUGINS, Verdict.BREAKING, Bump.MINOR, why, shown)
        yield ContractChange(new.name, "hook", "hook added", Bump.MINOR, (effect,))
    else:
        for rule in _RULES:
            yield from rule(old, new)


def compare_flag(hook: str, name: str, value: Json, shown: Json) -> ContractChange:
    """Judge a flag that has a new value; `shown` is what was right with the old one."""
    what = f"{name} is {'true' if value else 'false'} now"
    harms = FLAG_IMPACTS[name, value]
    witness = Witness(shown, f"{name}: {str(not value).lower()}", what, what)
    effects = tuple(_breaking_effect(harm, witness) for harm in harms)
    return ContractChange(hook, name, what, Bump.MINOR, effects)


def _breaking_effect(harm: Impact, shown: Witness) -> Effect:
    return Effect(harm.party, Verdict.BREAKING, harm.bump, harm.why, shown)


def _dispatch(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    if old.dispatch == new.dispatch:
        return
    what = f"dispatch changed from '{old.dispatch}' to '{new.dispatch}'"
    shown = Witness(example_call(old), old.dispatch, new.dispatch, what)
    harms = [
        Impact(Party.HOSTS, Bump.MAJOR, "a call reaches other plugins, or answers in another form"),
        Impact(Party.PLUGINS, Bump.MAJOR, "they are called, or chosen, in another way"),
    ]
    if "chain" in (old.dispatch, new.dispatch):
        harms.append(
            Impact(Party.CHAINS, Bump.MAJOR, "the hook becomes a chain, or stops being one")
        )
    effects = tuple(_breaking_effect(harm, shown) for harm in harms)
    yield ContractChange(new.name, "dispatch", what, Bump.MAJOR, effects)


def _flags(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    for name in ("exposed", "idempotent", "read_only", "content", "stream", "best_effort"):
        value = getattr(new, name)
        if getattr(old, name) != value:
            yield compare_flag(new.name, name, value, example_call(old))


def _tools(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    if not (old.exposed and new.exposed) or (old.tool, old.functions) == (new.tool, new.functions):
        return
    what = f"its MCP tool changed from '{old.tool}' to '{new.tool}'"
    if old.tool == new.tool:
        what = "it is split into tools in another way"
    harm = Impact(Party.HOSTS, Bump.MAJOR, "they call the tool by its name")
    shown = Witness(example_call(old), old.tool, new.tool, what)
    yield ContractChange(new.name, "tool", what, Bump.MAJOR, (_breaking_effect(harm, shown),))


def _errors(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    before = {error.code: error.description for error in old.errors}
    after = {error.code: error.description for error in new.errors}
    for code in after.keys() - before.keys():
        yield ContractChange(new.name, "errors", f"error '{code}' added", Bump.MINOR)
    for code in before.keys() - after.keys():
        what = f"error '{code}' removed"
        harm = Impact(Party.PLUGINS, Bump.MAJOR, "they may raise it")
        shown = Witness({"code": code}, "old errors", "new errors", what)
        yield ContractChange(new.name, "errors", what, Bump.MAJOR, (_breaking_effect(harm, shown),))
    for code in before.keys() & after.keys():
        if before[code] != after[code]:
            yield ContractChange(
                new.name, "errors", f"error '{code}' description changed", Bump.PATCH
            )


def _timeout(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    if old.timeout == new.timeout:
        return
    what = f"timeout changed from {_seconds(old.timeout)} to {_seconds(new.timeout)}"
    if new.timeout is None or (old.timeout is not None and new.timeout > old.timeout):
        yield ContractChange(new.name, "timeout", what, Bump.MINOR)
        return
    harm = Impact(Party.PLUGINS, Bump.MAJOR, "they may need longer")
    allowed = f"a call that takes {_seconds(old.timeout)}"
    shown = Witness(old.timeout, "old timeout", "new timeout", allowed)
    yield ContractChange(new.name, "timeout", what, Bump.MAJOR, (_breaking_effect(harm, shown),))


def _seconds(timeout: float | None) -> str:
    return "the host's own" if timeout is None else f"{timeout:g} s"


def _annotations(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    if old.description != new.description:
        yield ContractChange(new.name, "description", "description changed", Bump.PATCH)
    if old.since != new.since:
        yield ContractChange(new.name, "since", "'since' changed", Bump.PATCH)
    if old.deprecated != new.deprecated:
        what = "no longer deprecated" if new.deprecated is None else "deprecated"
        bump = Bump.MINOR if old.deprecated is None else Bump.PATCH
        yield ContractChange(new.name, "deprecated", what, bump)


_RULES: tuple[_Rule, ...] = (
    _dispatch,
    compare_payloads,
    _flags,
    _tools,
    _errors,
    _timeout,
    _annotations,
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
