"""Timeouts of own sockets, and the failures that errors of the system mean."""

import os
from typing import Final

from scaffold.client._http.transport.io_requests import Failure, RequestFailed
from scaffold.client._http.transport.server_address import ServerAddress

CONNECT_TIMEOUT: Final = 10.0
"""Seconds that opening a connection may take."""
IDLE_TIMEOUT: Final = 4.0
"""Seconds after which a connection is not used again: servers drop idle ones too (uvicorn's 5)."""
MAX_READ_BYTES: Final = 2**16
"""Bytes that are read at once."""


def check_no_proxy(address: ServerAddress) -> None:
    """Raise `RequestFailed` if a server can only be reached through a proxy."""
    if address.needs_proxy:
        reason = (
            "a proxy is asked for by the environment, and a forked process cannot use one; "
            "open the channel after the fork, or name the host in NO_PROXY"
        )
        raise RequestFailed(Failure.UNREACHABLE, reason)


def not_sent(error: OSError) -> RequestFailed:
    """Return the failure of a request for which no connection could be opened."""
    return RequestFailed(Failure.UNSENT, _cause(error))


def connection_broken(error: OSError) -> RequestFailed:
    """Return the failure of a request whose connection broke."""
    return RequestFailed(Failure.CUT, _cause(error))


def timed_out() -> RequestFailed:
    """Return the failure of a request whose deadline passed."""
    return RequestFailed(Failure.LATE, "no answer came in time")


def channel_closed() -> RequestFailed:
    """Return the failure of a request on a channel that was closed."""
    return RequestFailed(Failure.CLOSED, "the channel is closed")


def _cause(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no connection could be opened in time"
    # The loop's own errors have a text of its own, and names have errors below zero.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
