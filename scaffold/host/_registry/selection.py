"""Which plugin of a kind answers: policies, overrides, priorities and capabilities (ADR-0002)."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

from scaffold.contract._errors.errors import AmbiguousPlugin, NoCapableHandler
from scaffold.contract._hooks.dispatcher import Wanted
from scaffold.contract._json.types import Json
from scaffold.host._registry.start_order import dispatch_order
from scaffold.manifest._model import Manifest

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
