"""The order of starting: by runtime, then by dependence, then by priority (ADR-0002)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from scaffold.contract._errors.errors import DependencyCycle
from scaffold.manifest._model import Manifest, Runtime
from scaffold.manifest._runtime_choice import PREFERENCE

Rank: TypeAlias = tuple[bool, bool, int, str]


def dispatch_order(manifest: Manifest) -> Rank:
    """Return what plugins of one kind are sorted by: the highest priority first, then the name."""
    return (not manifest.tryfirst, manifest.trylast, -manifest.priority, manifest.name)


def plan_start(
    manifests: Mapping[str, Manifest], runtimes: Mapping[str, Runtime]
) -> list[list[str]]:
    """Group plugins, by name: the members of a group may start together, the groups one by one.

    A plugin that depends on one of a slower runtime starts with that runtime's plugins. Those that
    depend on a plugin which is not there stand in the first group of their runtime. Raises
    `DependencyCycle`.
    """
    places: dict[str, tuple[int, int]] = {}
    for name in _by_dependence(manifests):
        needed = [places[one] for one in manifests[name].depends_on if one in places]
        own = PREFERENCE.index(runtimes[name])
        stage = max((own, *(stage for stage, _ in needed)))
        level = max((0, *(level + 1 for other, level in needed if other == stage)))
        places[name] = (stage, level)
    groups: dict[tuple[int, int], list[str]] = {}
    for name in sorted(places, key=lambda name: dispatch_order(manifests[name])):
        groups.setdefault(places[name], []).append(name)
    return [groups[place] for place in sorted(groups)]


def _by_dependence(manifests: Mapping[str, Manifest]) -> Iterable[str]:
    """Yield names, each after those it depends on; without recursion, for long rows of plugins."""
    done: set[str] = set()
    for start in manifests:
        path: list[str] = []
        waiting: list[tuple[str, bool]] = [(start, False)]
        while waiting:
            name, left = waiting.pop()
            if left:
                path.pop()
                done.add(name)
                yield name
            elif name in path:
                raise _cycle(path[path.index(name) :])
            elif name not in done:
                path.append(name)
                waiting.append((name, True))
                needed = [one for one in manifests[name].depends_on if one in manifests]
                waiting += [(one, False) for one in reversed(needed)]


def _cycle(names: Sequence[str]) -> DependencyCycle:
    first = names.index(min(names))
    turned = [*names[first:], *names[:first], names[first]]
    return DependencyCycle(turned[0], f"{' → '.join(turned)}: they depend on each other")
