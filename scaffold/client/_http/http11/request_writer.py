"""Requests as bytes: what does not change from one to the next is written once."""

from scaffold.client._http.transport.io_requests import SendRequest
from scaffold.client._http.transport.request_cache import RequestCache
from scaffold.client._http.transport.server_address import ServerAddress


class RequestWriter:
    """Writes the requests to one address."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._heads = RequestCache(self._head)

    def write(self, send: SendRequest) -> bytes:
        """Return a request: its head, and its body with the length (RFC 9112 §2.1, §6.2)."""
        head = self._heads.get(send)
        if not send.body and send.method != "POST":
            return head + b"\r\n"  # a length would announce a body (RFC 9110 §8.6)
        return b"%bcontent-length: %d\r\n\r\n%b" % (head, len(send.body), send.body)

    def _head(self, send: SendRequest) -> bytes:
        address = self._address
        fields = {"host": address.authority, **address.fields, **send.headers}
        lines = [f"{send.method} {address.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, ""]).encode()
