"""The HTTP server: uvicorn, without its own ideas of signals, logs and the end."""

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

from scaffold.server._http.app.app import PATH, App
from scaffold.server._http.app.session_tokens import Sessions
from scaffold.server._http.protocol.connection_limits import BACKLOG, end_overdue
from scaffold.server._http.protocol.fast_protocol import protocol
from scaffold.server._http.protocol.strict_parser import StrictProtocol
from scaffold.server._options import Options
from scaffold.server._process.inherited_descriptors import Copies
from scaffold.server._process.shutdown import Ending
from scaffold.server._protocol.call_runner import Tasks
from scaffold.server._protocol.service import Service

__all__ = ["Worker", "announce", "run"]

_GRACE: Final = 10.0
"""Seconds that requests under way are given when the process is told to end."""
_KEEP_ALIVE: Final = 75
"""Seconds for which an idle connection is kept."""
_QUEUE: Final = 2048
"""Connections that the system keeps until we take them, a few in each turn of the loop."""
_GLANCE: Final = 0
"""Seconds between two looks at what is overdue; uvicorn has time for one a second at most."""


class Worker(NamedTuple):
    """What a server needs to know that is one of several on one socket."""

    lives: Callable[[], object]
    """To be called once the server answers, and every second from then on."""
    parent: int
    """The process that deals with a terminal's signals, and without which the worker ends."""


async def run(
    service: Service,
    listener: socket,
    options: Options,
    sessions: Sessions,
    worker: Worker | None = None,
) -> None:
    """Serve over HTTP in the running event loop; return when the process is to exit."""
    tasks = Tasks()
    app = App(service, options, tasks, sessions)
    config = uvicorn.Config(
        app,
        access_log=False,
        backlog=BACKLOG,
        http=protocol(app.known),
        interface="asgi3",
        lifespan="off",
        proxy_headers=False,
        log_config=None,
        log_level="debug" if options.log_level == "DEBUG" else "warning",
        server_header=False,
        timeout_graceful_shutdown=int(_GRACE),
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_notify=_GLANCE,
        ws="none",
    )
    server = _Server(config, worker.lives if worker else partial(announce, listener))

    async def look_around() -> None:
        end_overdue(list(server.server_state.connections), options.stream_seconds)
        if worker is not None:
            worker.lives()

    config.callback_notify = look_around
    ending = Ending(
        server.stop,
        partial(tasks.tear_down, service.tear_down),
        grace=_GRACE,
        orphan_ends=worker is not None,
        signals=(SIGTERM,) if worker else (SIGTERM, SIGINT),
    )
    ending.watch(worker.parent if worker else 0)
    copies = Copies(partial(_descriptors, listener, server))
    await server.serve(sockets=[listener])
    del copies  # forks are told of for as long as it is kept
    server.stopped.set()
    ending.begin()
    await tasks.loop.run_in_executor(tasks.threads, ending.wait)


def _descriptors(listener: socket, server: uvicorn.Server) -> list[int]:
    """Return the descriptors of the port and of all connections."""
    connections = list(server.server_state.connections)
    transports = [one.transport for one in connections if isinstance(one, StrictProtocol)]
    sockets = [transport.get_extra_info("socket") for transport in transports]
    return [listener.fileno(), *[one.fileno() for one in sockets if one is not None]]


class _Server(uvicorn.Server):
    """A server that is stopped from another thread, and leaves the signals alone."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self.stopped = threading.Event()
        self._ready = ready

    def stop(self, timeout: float) -> None:
        """Let requests under way finish, take no more, and wait for that."""
        self.should_exit = True
        self.stopped.wait(timeout)

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_QUEUE)
        self._ready()

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def announce(listener: socket) -> None:
    """Say where the server is."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if listener.family == AF_INET6 else host
    sys.stderr.write(f"listening on http://{shown}:{port}{PATH}\n")
    sys.stderr.flush()
