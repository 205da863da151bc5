"""One request as the protocol core sees it, and the session that it may belong to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from scaffold._mcp.jsonrpc import Params, RequestId
from scaffold._mcp.tool_results import ResultPrefix

__all__ = ["Headers", "Request", "Session"]

Headers: TypeAlias = Mapping[str, str]
"""The headers of an HTTP request: lower case names."""


@dataclass(slots=True)
class Session:
    """What a legacy client has settled: one for a pipe, one for each session over HTTP."""

    version: str = ""
    """The revision that `initialize` chose; empty until then."""


class Request(msgspec.Struct, gc=False):
    """One request, its era known."""

    id: RequestId
    params: Params
    session: Session
    head: ResultPrefix
    """What the results of the request's era begin with."""
    headers: Headers | None
    """What a modern request over HTTP must mirror; `None` elsewhere."""
