"""A cache of prepared requests that differ only in their bodies."""

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

from scaffold.client._http.transport.io_requests import SendRequest

T = TypeVar("T")

_MAX_ENTRIES: Final = 64


class RequestCache(Generic[T]):
    """Caches a value for each method, headers and timeout. A session has few of them."""

    def __init__(self, make: Callable[[SendRequest], T]) -> None:
        self._make = make
        self._known: dict[int, tuple[Mapping[str, str], str, float, T]] = {}
        """By the identity of the headers, which stays theirs for as long as they are kept here."""

    def get(self, send: SendRequest) -> T:
        """Return what was made for such a request, or make it."""
        known = self._known.get(id(send.headers))
        if known is None or known[1] != send.method or known[2] != send.timeout:
            if len(self._known) >= _MAX_ENTRIES:
                self._known.clear()
            known = send.headers, send.method, send.timeout, self._make(send)
            self._known[id(send.headers)] = known
        return known[3]
