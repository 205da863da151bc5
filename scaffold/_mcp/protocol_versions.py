"""The supported protocol revisions, and their error codes.

Sources: MCP 2026-07-28, Versioning and Compatibility; JSON-RPC 2.0 §5.1.
"""

from enum import IntEnum
from typing import Final

MODERN: Final = "2026-07-28"
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
LATEST_LEGACY: Final = LEGACY[0]
SUPPORTED: Final = (MODERN, *LEGACY)


class ErrorCode(IntEnum):
    """JSON-RPC error codes. MCP itself defines those from -32020 on."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    HEADER_MISMATCH = -32020
    MISSING_CAPABILITY = -32021
    UNSUPPORTED_VERSION = -32022


MODERN_ERRORS: Final = frozenset(
    {ErrorCode.HEADER_MISMATCH, ErrorCode.MISSING_CAPABILITY, ErrorCode.UNSUPPORTED_VERSION}
)
"""Codes that only modern servers send. The client does not fall back to `initialize` then."""


def negotiate_version(requested: str) -> str:
    """Return the legacy revision for the response to an `initialize` that asks for `requested`."""
    return requested if requested in LEGACY else LATEST_LEGACY
