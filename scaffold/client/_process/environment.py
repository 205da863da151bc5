"""The variables that a process started here inherits."""

import os
from collections.abc import Iterable

__all__ = ["inherited_variables"]


def inherited_variables(names: Iterable[str] | None) -> dict[str, str]:
    """Return this process's own variables of these names, as far as they are set; `None`: all."""
    if names is None:
        return dict(os.environ)
    return {name: os.environ[name] for name in names if name in os.environ}
