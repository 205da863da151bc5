"""The standard resources, which are available in every runtime, and how they are made."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from typing_extensions import override

from scaffold.contract._context.storage import Blobs
from scaffold.contract._errors.errors import PluginError
from scaffold.contract._json import is_object
from scaffold.resources._context_data import ContextData
from scaffold.resources._folder_storage import Storage, temporary_folder
from scaffold.resources._http_client import NotInstalled, http_client
from scaffold.resources._scope import ResourceScope

ResourceFactory: TypeAlias = Callable[[ResourceScope], Any]
"""A function that makes a resource for one plugin, and adds its cleanup to the scope."""

_Make: TypeAlias = Callable[[ResourceScope, ContextData, Storage], Any]


class Clock:
    """The current time. A plugin that uses it can be tested with a `FrozenClock`."""

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; the value never decreases."""
        return time.monotonic()


class FrozenClock(Clock):
    """A clock that always shows the same moment, in seconds since 1970 (UTC)."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    @override
    def now(self) -> float:
        return self._moment

    @override
    def monotonic(self) -> float:
        return 0.0


def _clock(_loan: ResourceScope, around: ContextData, _storage: Storage) -> Clock:
    moment = around.doubles.get("clock")
    return Clock() if moment is None else FrozenClock(moment)


def _rng(_loan: ResourceScope, around: ContextData, _storage: Storage) -> Any:
    import random

    class SeededRandom(random.Random):
        """Random numbers that are the same for the same seed."""

    seed = around.doubles.get("rng")
    return random.SystemRandom() if seed is None else SeededRandom(seed)


def _tmpdir(loan: ResourceScope, _around: ContextData, _storage: Storage) -> Path:
    folder, remove = temporary_folder(loan, "plugin-")
    loan.callback(remove)
    return folder


def _http_client(loan: ResourceScope, around: ContextData, _storage: Storage) -> Any:
    answers = around.doubles.get("http_client")
    return http_client(
        loan, awaited=around.awaited, answers=answers if is_object(answers) else None
    )


def _blob_store(_loan: ResourceScope, around: ContextData, storage: Storage) -> Any:
    return Blobs() if "blob_store" in around.doubles else storage.blobs()


STANDARD: Final[Mapping[str, _Make]] = {
    "blob_store": _blob_store,
    "clock": _clock,
    "http_client": _http_client,
    "rng": _rng,
    "tmpdir": _tmpdir,
}
"""The standard resources (ADR-0003 §3).

Values for test doubles: for `clock` a moment in seconds since 1970, for `rng` a seed, for
`http_client` responses by URL. With any value, `blob_store` is in memory.
"""


def make_resources(
    plugin: str,
    around: ContextData,
    storage: Storage,
    loan: ResourceScope,
    provided: Mapping[str, ResourceFactory] | None = None,
) -> dict[str, Any]:
    """Make the resources that a plugin requests.

    Args:
        plugin: The name of the plugin, for errors.
        around: Which resources it requests.
        storage: Where its blobs are.
        loan: Receives the cleanup functions.
        provided: Resources of the application; they override standard ones.

    Raises:
        PluginError: A required resource is unavailable. Optional ones are omitted.
    """
    provided = provided or {}
    lent: dict[str, Any] = {}
    for name in dict.fromkeys((*around.required, *around.optional)):
        try:
            if name in provided:
                lent[name] = provided[name](loan)
            elif name in STANDARD:
                lent[name] = STANDARD[name](loan, around, storage)
            elif name in around.required:
                there = ", ".join(sorted({*STANDARD, *provided}))
                reason = f"it requires the resource '{name}'; available here: {there}"
                raise PluginError(plugin, reason)
        except NotInstalled as error:
            if name in around.required:
                reason = f"it requires the resource '{name}': {error}"
                raise PluginError(plugin, reason) from None
    return lent
