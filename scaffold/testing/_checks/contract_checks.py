"""The suite `contract`: the eight invariants of the runtime (dagstack ADR-0003)."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

from scaffold.testing._checks.check import Check, Finding, Method, Suite
from scaffold.testing._checks.host_checks import determinism, idempotency, loop_is_free, three_hosts
from scaffold.testing._checks.payload_checks import json_boundaries, progress
from scaffold.testing._checks.source_rules import (
    AMBIENT,
    BLOCKING,
    CHANCE,
    RESOURCES,
    SINKS,
    Rule,
    rule_violations,
)
from scaffold.testing._plugin.plugin_under_test import NotApplicable, PluginUnderTest


def _code_violations(rules: tuple[Rule, ...], subject: PluginUnderTest) -> Iterator[Finding]:
    _needs_code(subject)
    yield from rule_violations(rules, subject)


def _chance(subject: PluginUnderTest) -> Iterator[Finding]:
    _needs_code(subject)
    if subject.manifest.unit_of_work.idempotency_mode != "output_hash":
        raise NotApplicable("unit_of_work.idempotency_mode is not 'output_hash'")
    yield from rule_violations(CHANCE, subject)


def _needs_code(subject: PluginUnderTest) -> None:
    if not subject.source.modules:
        raise NotApplicable("the plugin has no Python code here to read")


def _unit_of_work(subject: PluginUnderTest) -> Iterator[Finding]:
    """Check the table against itself and the hookspec, because schedulers rely on it."""
    unit = subject.manifest.unit_of_work
    place = subject.manifest_place
    if not unit.declared:
        other_keys = sorted(unit.model_fields_set - {"declared"})
        if not other_keys:
            raise NotApplicable("no unit_of_work is declared")
        message = f"[plugin.unit_of_work] says {', '.join(other_keys)}, and nothing is declared"
        yield Finding(place, message, "write 'declared = true', or drop the table")
        return
    inputs = [hook.input.schema for hook in subject.kind.hooks.values()]
    known = {name for schema in inputs for name in schema.get("properties", {})} | _METADATA
    if unit.partition_key is not None and unit.partition_key not in known:
        message = f"partition_key '{unit.partition_key}' is in no input and in no metadata"
        yield Finding(place, message, f"name one of: {', '.join(sorted(known))}")
    limits = {hook.name: hook.timeout for hook in subject.kind.hooks.values() if hook.timeout}
    for hook, limit in limits.items():
        if unit.estimated_duration_sec is not None and limit < unit.estimated_duration_sec:
            message = f"estimated_duration_sec is above the timeout of '{hook}', {limit:g} s"
            yield Finding(place, message, "cut the unit smaller, or ask for a longer timeout")


_METADATA: Final = {"tenant_id", "actor", "quota_budget", "trace_context", "request_id"}

_Row: TypeAlias = tuple[str, int, Method, str, Callable[[PluginUnderTest], Iterator[Finding]]]

_ROWS: Final[tuple[_Row, ...]] = (
    (
        "three-hosts",
        1,
        "running",
        "a plugin answers alike in this process, another one and a fresh event loop",
        three_hosts,
    ),
    (
        "ambient-state",
        1,
        "reading",
        "a plugin does not rely on what happens to be around it",
        partial(_code_violations, AMBIENT),
    ),
    (
        "json-boundaries",
        2,
        "running",
        "payloads are the same after a round trip through JSON",
        json_boundaries,
    ),
    (
        "injected-resources",
        3,
        "reading",
        "long-lived resources come from the context",
        partial(_code_violations, RESOURCES),
    ),
    (
        "free-loop",
        4,
        "running",
        "a hook that is not declared to be bound to a processor leaves the loop free",
        loop_is_free,
    ),
    (
        "blocking-calls",
        4,
        "reading",
        "a plugin neither blocks the host's thread nor picks an executor",
        partial(_code_violations, BLOCKING),
    ),
    (
        "unit-of-work",
        5,
        "reading",
        "a declared unit of work can be scheduled as it says",
        _unit_of_work,
    ),
    (
        "progress",
        6,
        "running",
        "reports of progress are finite, grow, and stay within their total",
        progress,
    ),
    (
        "sinks",
        6,
        "reading",
        "nothing is written past the sinks of the host",
        partial(_code_violations, SINKS),
    ),
    (
        "idempotency",
        7,
        "running",
        "a hook that is declared idempotent answers alike when called again",
        idempotency,
    ),
    (
        "determinism",
        8,
        "running",
        "with 'output_hash', frozen time and seeded chance give one answer anywhere",
        determinism,
    ),
    (
        "time-and-chance",
        8,
        "reading",
        "with 'output_hash', time and chance come from the context",
        _chance,
    ),
)
"""Name, section of ADR-0003, method, invariant, and function of each check."""

CHECKS: Final = tuple(
    Check(name, Suite.contract, how, f"{invariant} (ADR-0003 §{section})", look)
    for name, section, how, invariant, look in _ROWS
)
"""The checks, in the order of the invariants."""
