"""Compares the payloads of a hook, and whether outputs still fit inputs in chains."""

from collections.abc import Iterator
from dataclasses import replace

from scaffold.generator import ir
from scaffold.generator._compare.changes import schema_changes
from scaffold.generator._compare.report import Bump, ContractChange, Effect, Party, Verdict, Witness
from scaffold.generator._compare.semver_policy import CHAIN_LINKS, PAYLOAD_RULES, PayloadRule
from scaffold.generator._compare.subset.compared_schema import PayloadSchema, close_objects
from scaffold.generator._compare.subset.subset_check import check_subset
from scaffold.generator._schema.samples.sample_values import NoSampleError, sample
from scaffold.generator._source.json_values import json_equal

_NOT_PROVEN = "it could be neither proven nor refuted"


def compare_payloads(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    """Yield a finding for each payload that differs, and for a chain that may no longer fit."""
    for side in ("input", "output"):
        before, after = _payload(old, side), _payload(new, side)
        if json_equal(before.schema, after.schema):
            continue
        unread = _is_unread(old, new, side)
        moves = [move for move in PAYLOAD_RULES if move.side == side and not unread]
        found = {move: _effect(move, before.schema, after.schema) for move in moves}
        effects = tuple(effect for effect in found.values() if effect)
        words = [
            move.name if effect.verdict is Verdict.BREAKING else f"perhaps {move.name}"
            for move, effect in found.items()
            if effect
        ]
        said = "changed, but the host does not read it" if unread else "the same in other words"
        what = f"{side} {' and '.join(words) or said}"
        yield ContractChange(
            new.name, side, what, Bump.PATCH, effects, schema_changes(before.schema, after.schema)
        )
    yield from _call_form_changes(old, new)
    if "chain" in (old.dispatch, new.dispatch):
        yield from _chain(old, new)


def make_witness(inner: ir.Json, outer: ir.Json, value: ir.Json, sides: tuple[str, str]) -> Witness:
    """Show a value that one schema accepts and another one refuses; check that it is so."""
    refusing = PayloadSchema(outer)
    assert PayloadSchema(inner).accepts(value)
    assert not refusing.accepts(value)
    return Witness(value, *sides, reason=refusing.rejection(value))


def _payload(hook: ir.Hook, side: str) -> ir.Payload:
    return hook.input if side == "input" else hook.output


def _is_unread(old: ir.Hook, new: ir.Hook, side: str) -> bool:
    """Return whether the host ignores a payload: the output of plugins that are notified."""
    return side == "output" and old.dispatch == new.dispatch == "broadcast_notify"


def _effect(move: PayloadRule, old: ir.Json, new: ir.Json) -> Effect | None:
    inner, outer = (old, new) if move.inner == "old" else (new, old)
    answer = check_subset(inner, outer)
    if answer.proven:
        return None
    harm = move.harm
    bump, why = harm.bump, harm.why
    if move.undeclared_bump < bump and check_subset(close_objects(inner), outer).proven:
        bump, why = move.undeclared_bump, f"{why}, in properties that no schema named"
    if not answer.refuted:
        return Effect(harm.party, Verdict.UNKNOWN, bump, f"{why}: {_NOT_PROVEN}")
    sides = (f"{move.inner} {move.side}", f"{move.outer} {move.side}")
    shown = make_witness(inner, outer, answer.witnesses[0], sides)
    return Effect(harm.party, Verdict.BREAKING, bump, why, shown)


def _call_form_changes(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    """Find payloads that are handed over in another way, whatever their values."""
    if (old.input.type is None) != (new.input.type is None):
        gains = old.input.type is None
        why = f"their method takes {'no payload' if gains else 'a payload'}"
        told = f"the method {'gains' if gains else 'loses'} its argument"
        yield _signature(
            old, new, told, (Effect(Party.PLUGINS, Verdict.BREAKING, Bump.MAJOR, why),)
        )
    for side in ("input", "output"):
        if side == "output" and old.stream and new.stream:
            continue  # the list of the items crosses as it did
        was, now = _payload(old, side).object, _payload(new, side).object
        if was != now and old.exposed and new.exposed and not _is_unread(old, new, side):
            told = f"over MCP the {side} crosses {'as it is' if now else 'inside an object'} now"
            effects = (
                Effect(Party.HOSTS, Verdict.BREAKING, Bump.MAJOR, told),
                Effect(Party.PLUGINS, Verdict.BREAKING, Bump.MAJOR, told),
            )
            yield _signature(old, new, told, effects)


def _signature(
    old: ir.Hook, new: ir.Hook, told: str, effects: tuple[Effect, ...]
) -> ContractChange:

    shown = Witness(example_call(old), "old hook", "new hook", told)
    return ContractChange(
        new.name,
        "signature",
        told,
        Bump.MAJOR,
        tuple(replace(effect, witness=shown) for effect in effects),
    )


def _chain(old: ir.Hook, new: ir.Hook) -> Iterator[ContractChange]:
    """Check every pair of neighbours in a chain: a chain may mix old plugins and new ones."""
    versions = {"old": old, "new": new}
    effects = [
        effect
        for one, two in CHAIN_LINKS
        if (effect := _link(old, versions[one], versions[two], (f"{one} output", f"{two} input")))
    ]
    if effects:
        what = "outputs do not fit the next input"
        yield ContractChange(new.name, "chain", what, Bump.PATCH, tuple(effects))


def _link(old: ir.Hook, one: ir.Hook, two: ir.Hook, sides: tuple[str, str]) -> Effect | None:
    """Judge one link; what did not fit before is not held against the change."""
    given, wanted = one.output.schema, two.input.schema
    answer = check_subset(given, wanted)
    if answer.proven:
        return None
    fitted = check_subset(old.output.schema, old.input.schema)
    if not fitted.proven:
        nothing_new = check_subset(given, old.output.schema).proven
        if nothing_new and check_subset(old.input.schema, wanted).proven:
            return None
    bump = Bump.MINOR if check_subset(close_objects(given), wanted).proven else Bump.MAJOR
    shown = answer.witnesses[0] if answer.refuted else None
    misfitted = PayloadSchema(old.output.schema).accepts(shown) and not PayloadSchema(
        old.input.schema
    ).accepts(shown)
    why = f"the {sides[0]} of one may not be the {sides[1]} of the next"
    if not answer.refuted or misfitted:
        return Effect(Party.CHAINS, Verdict.UNKNOWN, bump, f"{why}: {_NOT_PROVEN}")
    return Effect(
        Party.CHAINS, Verdict.BREAKING, bump, why, make_witness(given, wanted, shown, sides)
    )


def example_call(hook: ir.Hook) -> ir.Json:
    """Return a valid call as JSON; without a payload if the hook takes none or none was found."""
    if hook.input.type is None:
        return {"hook": hook.name}
    try:
        return {"hook": hook.name, "payload": sample(hook.input.schema)}
    except NoSampleError:
        return {"hook": hook.name}
