"""`python -m demo`: from the command line to a plugin that answers, and to its end.

The order matters: the pipes are claimed before any code of the plugin is imported, and a port is
taken before the plugin is set up, but answers only after.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.plugin import Plugin
from scaffold.resources._context_data import PROOF_VARIABLE
from scaffold.server._options import Options, UsageError, read_options
from scaffold.server._plugin.hook_steps import is_async, settle
from scaffold.server._plugin.hosted_plugin import Guest
from scaffold.server._plugin.loader import explain, load
from scaffold.server._process.inherited_descriptors import Copies
from scaffold.server._process.log_format import log_to_stderr
from scaffold.server._process.private_settings import take_private
from scaffold.server._process.shutdown import end_children
from scaffold.server._process.stdio_descriptors import Pipes, claim
from scaffold.server._protocol.service import Service

if TYPE_CHECKING:
    from socket import socket

    from scaffold.server._http.serve import Worker

__all__ = ["run_server"]

_DONE: Final = 0
_USAGE: Final = 2
_PRECONDITION: Final = 4
_PLUGIN_FAILED: Final = 5

_UNSENT: Final = 1 << 17
"""Bytes of a connection that the system takes and has not sent yet."""

log = logging.getLogger(__name__)


def run_server(entry_point: str | type[Plugin], name: str, arguments: Sequence[str]) -> int:
    """Serve a plugin as `serve` says, under a name; return the exit status."""
    try:
        options = read_options(arguments, token=take_private().get(PROOF_VARIABLE, ""))
    except UsageError as error:
        return _complain(name, str(error), _USAGE)
    log_to_stderr(options.log_level)
    start = _serve_http if options.http else _serve_pipes
    status = _status(name, partial(start, entry_point, name, options))
    if status == _DONE:
        end_children()
    return status


def _status(name: str, start: Callable[[], int]) -> int:
    """Serve, and say in one line why that cannot be."""
    try:
        return start()
    except _CannotListen as error:
        return _complain(name, str(error), _PRECONDITION)
    except PLUGIN_EXCEPTIONS as error:
        log.debug("the plugin cannot be used", exc_info=error)
        return _complain(name, f"cannot start: {explain(error)}", _PLUGIN_FAILED)


def _serve_pipes(entry_point: str | type[Plugin], name: str, options: Options) -> int:
    parent = os.getppid()
    pipes = claim()
    copies = Copies(lambda: (pipes.input, pipes.output))
    plugin = load(entry_point, name)
    if any(is_async(getattr(plugin, method)) for method in _methods(plugin)):
        from scaffold.server._process.event_loop import run

        run(_serve_looped(Guest(plugin, name), pipes, options, parent))
    else:
        from scaffold.server._stdio.threaded_server import ThreadedServer

        guest = Guest(plugin, name)
        guest.set_up()
        server = ThreadedServer(Service(guest, options), pipes, options.largest)
        server.ending.watch(parent)
        server.run()
    del copies  # forks are told of for as long as it is kept
    return _DONE


async def _serve_looped(guest: Guest, pipes: Pipes, options: Options, parent: int) -> None:
    from scaffold.server._stdio.async_server import LoopedServer

    await settle(guest.set_up())
    server = LoopedServer(Service(guest, options), pipes, options.largest)
    server.ending.watch(parent)
    await server.run()


def _serve_http(entry_point: str | type[Plugin], name: str, options: Options) -> int:
    from scaffold.server._http.app.session_tokens import Sessions
    from scaffold.server._http.serve import run as serve
    from scaffold.server._process.event_loop import run

    listener = _listen(options)
    sessions = Sessions()

    async def work(guest: Guest, worker: "Worker | None") -> None:
        await settle(guest.set_up())
        await serve(Service(guest, options), listener, options, sessions, worker)

    def start(worker: "Worker | None" = None) -> int:
        run(work(Guest(load(entry_point, name), name), worker))
        return _DONE

    if options.workers == 1:
        return start()
    from scaffold.server._http.worker_processes import keep_alive

    return keep_alive(
        options.workers, lambda worker: _status(name, partial(start, worker)), listener
    )


class _CannotListen(Exception):
    """The address cannot be had."""


def _listen(options: Options) -> "socket":
    """Take the port; it refuses connections until the plugin is ready."""
    import socket

    if options.fd is not None:
        return _inherited(options.fd)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # asyncio turns Nagle's algorithm off (44 ms an answer) for sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _bound_unsent(listener)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        where = f"{options.host} port {options.port}"
        raise _CannotListen(f"cannot listen on {where}: {reason}") from None
    return listener


def _inherited(descriptor: int) -> "socket":
    """Take a socket that the process which has started this one has bound."""
    import socket

    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise _CannotListen(f"cannot listen on descriptor {descriptor}: {reason}") from None
    listener.set_inheritable(False)
    _bound_unsent(listener)
    return listener


def _bound_unsent(listener: "socket") -> None:
    """Bound what the system takes of an answer to a client that reads nothing.

    Connections inherit the option. Without it that is up to 4 MB, and a stream is held up later.
    """
    import socket

    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with suppress(OSError):  # a socket of another family
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)


def _methods(plugin: Plugin) -> list[str]:
    return ["setup", "teardown", *plugin.kind.hooks]


def _complain(name: str, message: str, status: int) -> int:
    sys.stderr.write(f"{name}: {message}\n")
    return status
