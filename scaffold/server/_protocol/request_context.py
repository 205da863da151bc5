"""A request as `Service` handles it, and the session of a legacy client."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from scaffold._mcp.jsonrpc import Params, RequestId
from scaffold._mcp.tool_results import ResultPrefix

Headers: TypeAlias = Mapping[str, str]
"""The headers of an HTTP request: lower case names."""


@dataclass(slots=True)
class Session:
    """The state of a legacy client: one per pipe, or one per session over HTTP."""

    version: str = ""
    """The protocol revision that `initialize` has negotiated; empty before."""


class Request(msgspec.Struct, gc=False):
    """One request whose era is known."""

    id: RequestId
    params: Params
    session: Session
    head: ResultPrefix
    """The first members of a result of this era."""
    headers: Headers | None
    """The headers that a modern request over HTTP must mirror; `None` otherwise."""
