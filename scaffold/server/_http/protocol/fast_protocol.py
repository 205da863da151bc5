"""The protocol that answers a request like an earlier one as soon as it is whole."""

from contextvars import copy_context
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from scaffold._mcp.message_templates import TemplateCache
from scaffold.server._http.app.app import PATH
from scaffold.server._http.app.call_templates import HttpTemplates, fast_respond, header_key
from scaffold.server._http.protocol.connection_limits import make_room
from scaffold.server._http.protocol.half_close import PatientProtocol
from scaffold.server._protocol.tool_responses import ToolResponder

__all__ = ["Protocol", "protocol"]

_MOST_HELD: Final = 64 * 2**10
"""Bytes of a body that is held back until it is whole."""
_PATH: Final = PATH.encode()


class Protocol(PatientProtocol):
    """Holds a request back that may be known by its body.

    uvicorn hears of it when it has come, and only if it turns out to be another.
    """

    templates = HttpTemplates()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        make_room(self.connections)
        self._templates: TemplateCache[ToolResponder] | None = None
        """How the body of a request that is held back may begin."""
        self._body = b""

    @override
    def _head_has_come(self) -> None:
        self._templates = self._expected()
        self._body = b""
        if self._templates is None:
            super()._head_has_come()

    @override
    def on_body(self, body: bytes) -> None:
        if self._templates is None:
            super().on_body(body)
            return
        self._unused = 0
        self._body += body
        if len(self._body) > _MOST_HELD:
            self._let_go()

    @override
    def _message_has_come(self) -> None:
        if self._templates is not None:
            # A context of its own, as a task would have: what a plugin sets there is gone after.
            answered = copy_context().run(fast_respond, self._body, self._templates)
            if answered is not None:
                self._templates = None
                self._write(*answered)
                return
            self._let_go()
        super()._message_has_come()

    @override
    def shutdown(self) -> None:
        if self._templates is not None:
            self._let_go()
        super().shutdown()

    def _expected(self) -> TemplateCache[ToolResponder] | None:
        """Return the heads of bodies that are known with such headers, if it may be one of them."""
        parser = self.parser
        assert parser is not None
        if self.is_serving or self.url != _PATH or parser.get_method() != b"POST":
            return None
        if self.expect_100_continue or self.flow.write_paused or not parser.should_keep_alive():
            return None
        if parser.get_http_version() != "1.1":
            return None
        return self.templates.find(header_key(self._fields))

    def _let_go(self) -> None:
        """Hand over what was held back."""
        self._templates = None
        super()._head_has_come()
        super().on_body(self._body)

    def _write(self, status: int, body: bytes) -> None:
        usual = b"".join([b"%b: %b\r\n" % pair for pair in self.server_state.default_headers])
        head = b"%b%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (STATUS_LINE[status], usual, len(body)) + body)
        self.on_response_complete()


def protocol(seen: HttpTemplates) -> type[Protocol]:
    """Return the protocol of a server that has seen some calls."""

    class Knowing(Protocol):
        templates = seen

    return Knowing
