"""Which plugin comes first (ADR-0002): the order of starting, and the one of a kind that answers.

Plugins start by runtime, then by dependence, then by priority. Policies, overrides, priorities and
capabilities select the plugin that answers.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

from scaffold.contract._errors.errors import AmbiguousPlugin, DependencyCycle, NoCapableHandler
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.contract._json import Json
from scaffold.manifest._compatibility import PREFERENCE
from scaffold.manifest._model import Manifest, Runtime

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


T = TypeVar("T")

Policy: TypeAlias = Callable[[Mapping[str, Json]], str | None]
"""Takes the metadata of a call; returns the name of the plugin to ask, or `None` for no opinion."""


def active_override(kind: str) -> str | None:
    """Return the plugin that `DAGSTACK_ACTIVE_<KIND>` names."""
    return os.environ.get(f"DAGSTACK_ACTIVE_{kind.upper()}") or None


def select_active(
    kind: str, candidates: Sequence[Manifest], failures: Callable[[], str] = str
) -> str:
    """Return the name of the one plugin that answers for a kind.

    `failures` says why other plugins of the kind cannot be used. Raises `AmbiguousPlugin`, or
    `NoCapableHandler` if there is none.
    """
    named = active_override(kind)
    names = {manifest.name for manifest in candidates}
    if named is not None:
        if named in names:
            return named
        there = ", ".join(sorted(names)) or "none"
        reason = (
            f"DAGSTACK_ACTIVE_{kind.upper()} names '{named}', which is not in use (in use: {there})"
        )
        raise NoCapableHandler(kind, reason + failures())
    if not candidates:
        raise NoCapableHandler(kind, f"no plugin of this kind is in use{failures()}")
    first, *others = sorted(candidates, key=dispatch_order)
    if others and dispatch_order(others[0])[:-1] == dispatch_order(first)[:-1]:
        raise AmbiguousPlugin(
            kind,
            f"equal priority for kind={kind}, set DAGSTACK_ACTIVE_{kind.upper()} to disambiguate "
            f"'{first.name}' and '{others[0].name}'",
        )
    return first.name


def check_fallbacks(kind: str, candidates: Sequence[Manifest]) -> None:
    """Raise `AmbiguousPlugin` if several plugins of a kind say that they are its fallback."""
    fallbacks = sorted(one.name for one in candidates if one.fallback)
    if len(fallbacks) > 1:
        names = ", ".join(f"'{name}'" for name in fallbacks)
        raise AmbiguousPlugin(kind, f"a kind has one fallback, and these say they are: {names}")


class CapabilityIndex(Generic[T]):
    """An index from what plugins say they support to the best of them: a look-up for each fact."""

    def __init__(
        self,
        kind: str,
        plugins: Sequence[tuple[Manifest, T]],
        failures: Callable[[], str] = str,
    ) -> None:
        self._kind = kind
        self._failures = failures
        self._extensions: dict[str, tuple[int, T]] = {}
        self._languages: dict[str, tuple[int, T]] = {}
        self._mime_types: dict[str, tuple[int, T]] = {}
        ordered = sorted(plugins, key=lambda pair: dispatch_order(pair[0]))
        for place, (manifest, plugin) in enumerate(ordered):
            for index, supported in (
                (self._extensions, manifest.supports_extensions),
                (self._languages, manifest.supports_languages),
                (self._mime_types, manifest.supports_mime_types),
            ):
                for fact in supported:
                    index.setdefault(fact.lower(), (place, plugin))
        # A plugin that says nothing of what it supports matches anything, after all that do.
        spare = [plugin for manifest, plugin in ordered if manifest.fallback]
        spare += [plugin for manifest, plugin in ordered if not _says(manifest)]
        self._fallback = spare[0] if spare else None

    def find(self, wanted: Wanted) -> T:
        """Return the plugin that answers; raise `NoCapableHandler` if there is none."""
        best = min(
            filter(
                None,
                (
                    self._extensions.get(wanted.extension.lower()),
                    self._languages.get(wanted.language.lower()),
                    self._mime_types.get(wanted.mime_type.lower()),
                ),
            ),
            key=lambda found: found[0],
            default=None,
        )
        if best is not None:
            return best[1]
        if self._fallback is None:
            reason = f"no plugin fits {wanted}, and none is the fallback"
            raise NoCapableHandler(self._kind, reason + self._failures())
        return self._fallback


def _says(manifest: Manifest) -> bool:
    return bool(
        manifest.supports_extensions or manifest.supports_languages or manifest.supports_mime_types
    )
