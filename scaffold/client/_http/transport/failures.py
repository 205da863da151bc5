"""How long things may take on this machine, and what it means when they break."""

import os
from typing import Final

from scaffold.client._http.transport.io_requests import Broken, Failure
from scaffold.client._http.transport.server_address import Address

__all__ = ["CONNECT", "IDLE", "PIECE", "check_way", "closed", "cut", "late", "unsent"]

CONNECT: Final = 10.0
"""Seconds that a connection may take to come about."""
IDLE: Final = 4.0
"""Seconds after which a connection is not used again: servers drop idle ones too (uvicorn's 5)."""
PIECE: Final = 2**16
"""Bytes that are read at once."""


def check_way(address: Address) -> None:
    """Raise `Broken` if a server can only be reached through a proxy."""
    if address.proxied:
        reason = (
            "a proxy is asked for by the environment, and a forked process cannot use one; "
            "open the channel after the fork, or name the host in NO_PROXY"
        )
        raise Broken(Failure.UNREACHABLE, reason)


def unsent(error: OSError) -> Broken:
    """Return what it means that no connection came about."""
    return Broken(Failure.UNSENT, _cause(error))


def cut(error: OSError) -> Broken:
    """Return what it means that a connection broke."""
    return Broken(Failure.CUT, _cause(error))


def late() -> Broken:
    """Return what it means that time is up."""
    return Broken(Failure.LATE, "no answer came in time")


def closed() -> Broken:
    """Return what it means that we have closed the connection ourselves."""
    return Broken(Failure.CLOSED, "the channel is closed")


def _cause(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no connection came about in time"
    # The loop's own errors have a text of its own, and names have errors below zero.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
