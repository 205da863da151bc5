"""What HTTP adds to a session: the headers that mirror a message, and the session's id.

Source: MCP 2026-07-28, Streamable HTTP: Request Metadata; 2025-11-25: Session Management.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from typing_extensions import override

from scaffold._mcp.http_headers import argument_as_header, encode_header_value, parameter_headers
from scaffold._mcp.jsonrpc import DECODE_ERRORS
from scaffold._mcp.protocol_versions import MODERN
from scaffold.client._protocol.session import OutgoingMessage, ProtocolSession
from scaffold.contract._errors.errors import InvalidInput
from scaffold.contract._errors.problems import Problem
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._json import Json, JsonObject, is_object, pointer


class _Call(msgspec.Struct):
    arguments: dict[str, Any] = {}


_decode_call = msgspec.json.Decoder(_Call).decode


class HttpSession(ProtocolSession):
    """A session whose messages carry headers. `hide` takes secrets out of what is logged."""

    def __init__(self, kind: Kind, plugin: str, redact: Callable[[str], str] = str) -> None:
        super().__init__(kind, plugin)
        self._redact = redact
        self.id = ""
        """What a legacy server calls the session; empty if it does not."""
        self.lost = False
        """True if the session is another process's: a fork opens its own before its first call."""
        self._mirrors: dict[str, dict[str, tuple[str, ...]]] = {}
        self._modern: dict[tuple[str, str], Mapping[str, str]] = {}
        """Method and tool → the headers that every such message has."""

    @override
    def is_usable(self, tool: JsonObject) -> bool:
        """Leave out a tool whose `x-mcp-header` annotations the specification forbids."""
        if not self.modern:
            return True
        try:
            self._mirrors[tool["name"]] = parameter_headers(tool["inputSchema"])
        except DECODE_ERRORS as error:
            self.warn_about_tool(tool["name"], f"is left out: {error}")
            return False
        return True

    def describe(self, *, closed: bool) -> str:
        """Return plugin, kind, runtime and state, for the `repr` of a channel."""
        state = "closed" if closed else "open" if self.version else "not connected"
        return f"{self.plugin} ({self.kind.name}), mcp_http, {state}"

    def abandon_in_fork(self) -> None:
        """Leave the session to the process from which this one was forked."""
        self.id = ""
        self.lost = not self.modern

    @override
    def warn_about_tool(self, tool: str, what: str) -> None:
        super().warn_about_tool(self._redact(tool), self._redact(what))

    def headers(self, outgoing: OutgoingMessage) -> Mapping[str, str]:
        """Return the headers of a message; raise `InvalidInput` for an argument beyond them."""
        if not (self.modern or outgoing.is_probe):
            return self._legacy_headers(outgoing)
        headers = self._modern.get((outgoing.method, outgoing.name))
        if headers is None:
            headers = _modern_headers(outgoing)
            self._modern[outgoing.method, outgoing.name] = headers
        if self._mirrors.get(outgoing.name):
            return {**headers, **dict(self._parameters(outgoing))}
        return headers

    def _legacy_headers(self, outgoing: OutgoingMessage) -> dict[str, str]:
        if outgoing.method == "initialize":
            return {}
        headers = {"mcp-protocol-version": self.version}
        if self.id:
            headers["mcp-session-id"] = self.id
        return headers

    def _parameters(self, outgoing: OutgoingMessage) -> Iterator[tuple[str, str]]:
        arguments = _decode_call(outgoing.params).arguments
        for header, path in self._mirrors[outgoing.name].items():
            try:
                text = argument_as_header(_value_at(arguments, path))
            except ValueError as error:
                problem = Problem(pointer(path), "x-mcp-header", str(error))
                raise InvalidInput(outgoing.name, [problem]) from None
            if text is not None:
                yield header, text


def _modern_headers(outgoing: OutgoingMessage) -> dict[str, str]:
    headers = {"mcp-protocol-version": MODERN, "mcp-method": outgoing.method}
    if outgoing.name:
        headers["mcp-name"] = encode_header_value(outgoing.name)
    return headers


def _value_at(value: Json, path: tuple[str, ...]) -> Json:
    for name in path:
        value = value.get(name) if is_object(value) else None
    return value
