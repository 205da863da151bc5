"""Which secrets of the application a plugin's manifest may name, and where they may be sent.

The application's author did not write the manifest. It names a variable, but the application says
which may be lent.
"""

import ipaddress
import os
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from scaffold.contract._errors.errors import PluginError

PREFIX: Final = "PLUGIN_"
"""How the names of variables begin that are lent if the application says nothing."""


class Secrets:
    """What an application lends.

    Args:
        lent: Names of environment variables; or secrets by the names that manifests use for them;
            or `None` for the environment variables whose names begin with `PLUGIN_`.
    """

    def __init__(self, lent: Collection[str] | Mapping[str, str] | None = None) -> None:
        self._names = None if lent is None else frozenset(lent)
        self._given: Mapping[str, str] = lent if isinstance(lent, Mapping) else {}

    def find(self, plugin: str, name: str) -> str:
        """Return the secret that a manifest names.

        Raises `PluginError` if it is not lent, or is not set.
        """
        names = self._names
        if name.startswith(PREFIX) if names is None else name in names:
            found = self._given.get(name) or os.environ.get(name)
            if found:
                return found
            raise PluginError(plugin, f"the environment variable '{name}' is not set")
        reason = (
            f"its manifest asks for the secret '{name}', which is not lent: allow it with "
            f"Host(secrets=['{name}']) or '--secret {name}', or give the "
            f"variable a name that begins with '{PREFIX}'"
        )
        raise PluginError(plugin, reason)


def check_way(plugin: str, url: str) -> None:
    """Raise `PluginError` if a secret would go over plain HTTP to another machine."""
    parts = urlsplit(url)
    development = os.environ.get("SCAFFOLD_ENV") == "development"
    if parts.scheme == "https" or development or _is_here(parts.hostname or ""):
        return
    reason = (
        f"its secret would go to '{parts.hostname}' over plain HTTP, where anybody on the way can "
        "read it: use https, or set SCAFFOLD_ENV=development"
    )
    raise PluginError(plugin, reason)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
