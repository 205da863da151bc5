"""Requests as bytes: what does not change from one to the next is written once."""

from collections.abc import Mapping
from typing import Final

from scaffold.client.http.address import Address
from scaffold.client.http.steps import Send

__all__ = ["Writer"]

_MOST_HEADS: Final = 64


class Writer:
    """Writes the requests to one address."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._known: dict[int, tuple[Mapping[str, str], str, bytes]] = {}
        """By the identity of the headers, which stays theirs for as long as they are kept here."""

    def write(self, send: Send) -> bytes:
        """Return a request: its head, and its body with the length (RFC 9112 §2.1, §6.2)."""
        known = self._known.get(id(send.headers))
        if known is None or known[1] != send.method:
            if len(self._known) >= _MOST_HEADS:
                self._known.clear()
            known = send.headers, send.method, self._head(send)
            self._known[id(send.headers)] = known
        if not send.body and send.method != "POST":
            return known[2] + b"\r\n"  # a length would announce a body (RFC 9110 §8.6)
        return b"%bcontent-length: %d\r\n\r\n%b" % (known[2], len(send.body), send.body)

    def _head(self, send: Send) -> bytes:
        address = self._address
        fields = {"host": address.authority, **address.fields, **send.headers}
        lines = [f"{send.method} {address.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, ""]).encode()
