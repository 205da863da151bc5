"""The protocol of the server: it adds the fast path for repeated calls, before uvicorn's cycle.

Three small classes extend uvicorn's protocol, each for one reason: `StrictHttpProtocol` parses
strictly, `HalfCloseHttpProtocol` handles half-closed connections, `HttpProtocol` has the fast path.
"""

from contextvars import copy_context
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from scaffold._mcp.message_templates import TemplateCache
from scaffold.server._http.app import PATH, App
from scaffold.server._http.connection_limits import make_room
from scaffold.server._http.fast_requests import HttpTemplates, fast_respond, header_key
from scaffold.server._http.half_close import HalfCloseHttpProtocol
from scaffold.server._protocol.tool_calls import ToolResponder

_MAX_HELD_BYTES: Final = 64 * 2**10
"""The maximum size of a body on the fast path, which needs the whole body at once."""
_PATH: Final = PATH.encode()


class HttpProtocol(HalfCloseHttpProtocol):
    """Holds a request back until its body is complete, if its headers have templates.

    If a template matches, the response is written here. Otherwise uvicorn gets the request, as if
    it had just arrived.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        make_room(self.connections)
        app = self.config.app
        self._cache = app.templates if isinstance(app, App) else HttpTemplates()
        self._templates: TemplateCache[ToolResponder] | None = None
        """The templates for the request that is held back; `None` if none is."""
        self._held_body = b""

    @override
    def _on_head_complete(self) -> None:
        self._templates = self._find_templates()
        self._held_body = b""
        if self._templates is None:
            super()._on_head_complete()

    @override
    def on_body(self, body: bytes) -> None:
        if self._templates is None:
            super().on_body(body)
            return
        self._bytes_without_progress = 0
        self._held_body += body
        if len(self._held_body) > _MAX_HELD_BYTES:
            self._release()

    @override
    def _on_request_complete(self) -> None:
        if self._templates is not None:
            # Its own context, as a task has: variables that the plugin sets must not leak out.
            responded = copy_context().run(fast_respond, self._held_body, self._templates)
            if responded is not None:
                self._templates = None
                self._write(*responded)
                return
            self._release()
        super()._on_request_complete()

    @override
    def shutdown(self) -> None:
        if self._templates is not None:
            self._release()
        super().shutdown()

    def _find_templates(self) -> TemplateCache[ToolResponder] | None:
        """Return the templates for the request's headers; `None` if it needs the plain path."""
        parser = self.parser
        assert parser is not None
        if self.is_serving or self.url != _PATH or parser.get_method() != b"POST":
            return None
        if self.expect_100_continue or self.flow.write_paused or not parser.should_keep_alive():
            return None
        if parser.get_http_version() != "1.1":
            return None
        return self._cache.find(header_key(self._fields))

    def _release(self) -> None:
        """Pass the request that was held back to uvicorn."""
        self._templates = None
        super()._on_head_complete()
        super().on_body(self._held_body)

    def _write(self, status: int, body: bytes) -> None:
        default_headers = b"".join(
            [b"%b: %b\r\n" % pair for pair in self.server_state.default_headers]
        )
        head = b"%b%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (STATUS_LINE[status], default_headers, len(body)) + body)
        self.on_response_complete()
