"""The environment variables that a child process inherits."""

import os
from collections.abc import Iterable


def inherited_variables(names: Iterable[str] | None) -> dict[str, str]:
    """Return the variables with these names that are set; `None` means all variables."""
    if names is None:
        return dict(os.environ)
    return {name: os.environ[name] for name in names if name in os.environ}
