"""The HTTP server: uvicorn, with scaffold's own signals, logs and shutdown."""

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from signal import SIGINT, SIGTERM
from socket import AF_INET6, socket
from typing import Final, NamedTuple

import uvicorn
from typing_extensions import override

from scaffold.server._http.app import PATH, App
from scaffold.server._http.connection_limits import BACKLOG, close_overdue
from scaffold.server._http.http_protocol import HttpProtocol, http_connections
from scaffold.server._http.session_tokens import SessionTokens
from scaffold.server._options import Options
from scaffold.server._process.descriptors import InheritedDescriptors
from scaffold.server._process.shutdown import Shutdown
from scaffold.server._protocol.call_runner import CallRunner
from scaffold.server._protocol.service import Service

_GRACE_PERIOD: Final = 10.0
"""Seconds that requests in flight get at a shutdown."""
_KEEP_ALIVE_TIMEOUT: Final = 75
"""Seconds for which an idle connection is kept."""
_LISTEN_BACKLOG: Final = 2048
"""Connections that the system queues until the event loop accepts them."""
_NOTIFY_INTERVAL: Final = 0
"""Seconds between two checks of timeouts: 0, since uvicorn checks once a second at most."""


class Worker(NamedTuple):
    """What a server must know if it is one of several workers on one socket."""

    heartbeat: Callable[[], object]
    """Call it when the server is ready, and every second from then on."""
    parent: int
    """The parent's process id. It handles the terminal's signals; the worker ends with it."""


async def serve_http(
    service: Service,
    listener: socket,
    options: Options,
    sessions: SessionTokens,
    worker: Worker | None = None,
) -> None:
    """Serve over HTTP in the running event loop; return when the process may exit.

    Args:
        service: Handles the messages.
        listener: The bound socket.
        options: The options of the server.
        sessions: The sessions of legacy clients, shared by all workers.
        worker: Set if this process is one of several workers.
    """
    runner = CallRunner()
    app = App(service, options, runner, sessions)
    config = uvicorn.Config(
        app,
        access_log=False,
        backlog=BACKLOG,
        http=HttpProtocol,
        interface="asgi3",
        lifespan="off",
        proxy_headers=False,
        log_config=None,
        log_level="debug" if options.log_level == "DEBUG" else "warning",
        server_header=False,
        timeout_graceful_shutdown=int(_GRACE_PERIOD),
        timeout_keep_alive=_KEEP_ALIVE_TIMEOUT,
        timeout_notify=_NOTIFY_INTERVAL,
        ws="none",
    )
    server = _Server(config, worker.heartbeat if worker else partial(announce, listener))

    async def check_connections() -> None:
        connections = http_connections(server.server_state.connections)
        close_overdue(connections, options.stream_timeout)
        if worker is not None:
            worker.heartbeat()

    config.callback_notify = check_connections
    shutdown = Shutdown(
        server.stop,
        partial(runner.tear_down, service.tear_down),
        drain_timeout=_GRACE_PERIOD,
        orphan_ends=worker is not None,
        signals=(SIGTERM,) if worker else (SIGTERM, SIGINT),
    )
    shutdown.watch(worker.parent if worker else 0)
    inherited = InheritedDescriptors(partial(_descriptors, listener, server))
    await server.serve(sockets=[listener])
    del inherited  # keep it until here: forks replace descriptors only while it is referenced
    server.stopped.set()
    shutdown.start_shutdown()
    await runner.loop.run_in_executor(runner.executor, shutdown.wait)


def _descriptors(listener: socket, server: uvicorn.Server) -> list[int]:
    """Return the descriptors of the listening socket and of all connections."""
    transports = [
        connection.transport for connection in http_connections(server.server_state.connections)
    ]
    sockets = [transport.get_extra_info("socket") for transport in transports]
    return [
        listener.fileno(),
        *[connection.fileno() for connection in sockets if connection is not None],
    ]


class _Server(uvicorn.Server):
    """A uvicorn server that another thread stops, and that does not handle signals."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self.stopped = threading.Event()
        self._ready = ready

    def stop(self, timeout: float) -> None:
        """Accept no more connections, and wait until the requests in flight have ended."""
        self.should_exit = True
        self.stopped.wait(timeout)

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_LISTEN_BACKLOG)
        self._ready()

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def announce(listener: socket) -> None:
    """Write the address of the server to stderr."""
    host, port = listener.getsockname()[:2]
    url_host = f"[{host}]" if listener.family == AF_INET6 else host
    sys.stderr.write(f"listening on http://{url_host}:{port}{PATH}\n")
    sys.stderr.flush()
