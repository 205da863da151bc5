"""HTTP errors: a status, and a JSON-RPC error as the body."""

from typing import Final

from scaffold._mcp.jsonrpc import JsonRpcError, RequestId, write_error_response
from scaffold._mcp.protocol_versions import ErrorCode

_STATUS: Final[dict[int, int]] = {
    ErrorCode.HEADER_MISMATCH: 400,
    ErrorCode.MISSING_CAPABILITY: 400,
    ErrorCode.UNSUPPORTED_VERSION: 400,
    ErrorCode.METHOD_NOT_FOUND: 404,
}

_STATUS_HEADERS: Final[dict[int, tuple[tuple[bytes, bytes], ...]]] = {
    401: ((b"www-authenticate", b"Bearer"),),
    415: ((b"accept", b"application/json"), (b"accept-encoding", b"identity")),
    503: ((b"retry-after", b"1"),),
}
"""Status → additional headers of the response (RFC 9110 §15)."""


class HttpError(Exception):
    """An HTTP request is refused with an error status and a JSON-RPC error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: int = ErrorCode.INVALID_REQUEST,
        allow: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.allow = allow
        """The methods to name in the `Allow` header."""
        self._error = JsonRpcError(code, message)

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The additional headers of the response."""
        allow = ((b"allow", self.allow.encode()),) if self.allow else ()
        return (*allow, *_STATUS_HEADERS.get(self.status, ()))

    @classmethod
    def from_wire_error(cls, error: JsonRpcError) -> "HttpError":
        """Return the HTTP error for a protocol error."""
        http_error = cls(_STATUS.get(error.code, 400), error.message)
        http_error._error = error
        return http_error

    def body(self, id: RequestId | None) -> bytes:
        """Return the JSON-RPC error, with the id of the request if it is known."""
        return write_error_response(self._error, id)


def status_of(error: JsonRpcError | None) -> int:
    """Return the HTTP status of a call's response: 200, or that of its protocol error."""
    return 200 if error is None else _STATUS.get(error.code, 200)
