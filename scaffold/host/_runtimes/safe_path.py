"""Plugins that `python -m` finds in their folder, although Python does not search it.

`PYTHONSAFEPATH` takes the current folder off the path, of which the host knows that it is the
plugin's own. So it puts this folder on the path by name, and changes nothing else.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_SAFE: Final = "PYTHONSAFEPATH"
_PATH: Final = "PYTHONPATH"
_WITH_MODULE: Final = 3
"""Words of the least command that names a module: `python -m MODULE`."""


def module_path_variables(
    command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables with which a process finds the modules in its folder.

    Args:
        command: How the process is started.
        folder: Where it runs.
        env: The variables that it inherits, and those of its manifest.
    """
    is_module = len(command) >= _WITH_MODULE and command[1] == "-m"
    if not (is_module and env.get(_SAFE)):
        return {}
    before = env.get(_PATH)
    return {_PATH: os.pathsep.join([str(folder.absolute()), *([before] if before else [])])}
