"""The host's private environment variables, removed before the plugin runs.

Settings can be secrets, and child processes inherit the environment. So the first step of `serve`,
or of a fork, removes these variables. On Linux it also overwrites their values in
`/proc/PID/environ`, which shows the initial memory of the process.
"""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

from scaffold.contract._hooks.plugin import CONFIG_VARIABLE
from scaffold.resources._context_data import CONTEXT_VARIABLE, PROOF_VARIABLE

_PRIVATE_VARIABLES: Final = (CONFIG_VARIABLE, CONTEXT_VARIABLE, PROOF_VARIABLE)
_ENV_START: Final = 47
"""The field `env_start` of /proc/self/stat, counted from the field `state`; see proc(5)."""

_taken: Final[dict[str, str]] = {}


def take_private_variables(environment: MutableMapping[str, str] = os.environ) -> Mapping[str, str]:
    """Remove the host's variables from the environment; return all that were removed so far."""
    private = {name: environment.pop(name) for name in _PRIVATE_VARIABLES if name in environment}
    if private:
        _taken.update(private)
        _overwrite_values_in_proc(tuple(private))
    return _taken


def _overwrite_values_in_proc(names: tuple[str, ...]) -> None:
    """Overwrite the values in `/proc/self/environ`, if the system permits it."""
    try:
        with Path("/proc/self/stat").open("rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        start, end = (int(field) for field in fields[_ENV_START : _ENV_START + 2])
        with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            memory.seek(start)
            block = b"\0" + memory.read(end - start)
            for name in names:
                position = block.find(b"\0%b=" % name.encode())
                if position < 0:
                    continue
                value = position + 1 + len(name) + 1
                memory.seek(start + value - 1)
                memory.write(bytes(block.index(b"\0", value) - value))
    except (OSError, ValueError):  # another system, or no permission
        return
