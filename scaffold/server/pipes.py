"""The pipes of a stdio server, out of reach of everything but the protocol.

Before any code of the plugin is imported the pipes leave descriptors 0 and 1: a `print`, a C
library or a child that writes to stdout then reaches stderr, and one that reads stdin finds its
end. The new descriptors are not inheritable (PEP 446), so no child can hold them open.
"""

import os
import sys
from dataclasses import dataclass

__all__ = ["Pipes", "claim"]


@dataclass(frozen=True, slots=True)
class Pipes:
    """The two ends that the protocol uses."""

    input: int
    output: int


def claim() -> Pipes:
    """Take the pipes off descriptors 0 and 1."""
    pipes = Pipes(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2 if _is_open(2) else nothing, 1)
    os.close(nothing)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
    return pipes


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
