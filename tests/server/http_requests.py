"""Requests over HTTP, and their responses, for tests of servers."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from serving import MODERN, PATIENCE, modern

BOTH = "application/json, text/event-stream"
INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}},
}


class Answer:
    """A response: its status, headers and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> int:
        code: int = self.json["error"]["code"]
        return code


def connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)


def ask(url: str, body: Any, *, verb: str = "POST", path: str = "/mcp", **headers: str) -> Answer:
    """Send one request; `body` is JSON or bytes, and `a_b` stands for the header `A-B`."""
    connection = connect(url)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json", "accept": BOTH}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(verb, path, data, {name: value for name, value in sent.items() if value})
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def mirror(message: dict[str, Any]) -> dict[str, str]:
    """Return the headers that a modern request needs."""
    headers = {"mcp_protocol_version": MODERN, "mcp_method": message["method"]}
    if "name" in message["params"]:
        headers["mcp_name"] = message["params"]["name"]
    return headers


def call(url: str, tool: str, meta: dict[str, Any] | None = None, **arguments: Any) -> Answer:
    message = modern("tools/call", name=tool, arguments=arguments, _meta=meta or {})
    return ask(url, message, **mirror(message))
