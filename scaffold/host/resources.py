"""What a host lends to plugins that ask for it by name (ADR-0003 §3)."""

import random
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias

from scaffold.contract.errors import PluginError
from scaffold.host.manifest import Manifest

__all__ = ["STANDARD", "Clock", "Lend", "lend"]


class Clock:
    """The time: a plugin that asks the host for it can be tested at any time."""

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some moment; they never go back."""
        return time.monotonic()


Lend: TypeAlias = Callable[[ExitStack], Any]
"""Makes a resource for one plugin; what it pushes on the stack happens after its teardown."""


def _tmpdir(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plugin-")))


STANDARD: Final[Mapping[str, Lend]] = {
    "clock": lambda _stack: Clock(),
    "rng": lambda _stack: random.SystemRandom(),
    "tmpdir": _tmpdir,
}
"""What every host lends. An `http_client` or a `blob_store` is for the application to provide."""


def lend(manifest: Manifest, offered: Mapping[str, Lend], stack: ExitStack) -> dict[str, Any]:
    """Make the resources that a plugin asks for; raise `PluginError` if a required one is missing.

    Optional ones that nobody provides are left out.
    """
    wanted = manifest.resources
    for name in wanted.required:
        if name not in offered:
            there = ", ".join(sorted(offered))
            reason = f"it requires the resource '{name}', and this host provides: {there}"
            raise PluginError(manifest.name, reason)
    names = [*wanted.required, *(name for name in wanted.optional if name in offered)]
    return {name: offered[name](stack) for name in dict.fromkeys(names)}
