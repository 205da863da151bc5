"""Run a server: read its options, load the plugin, serve over stdio or HTTP, and exit.

The order matters. The pipes leave descriptors 0 and 1 before the plugin is imported. The port is
bound before the plugin is set up, and accepts connections only afterwards.
"""

import logging
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from scaffold._printable import printable
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.plugin import Plugin
from scaffold.resources._context_data import PROOF_VARIABLE
from scaffold.server._hosted_plugin import HostedPlugin, describe_failure, load_plugin
from scaffold.server._options import Options, UsageError, read_options
from scaffold.server._process.descriptors import (
    InheritedDescriptors,
    StdioDescriptors,
    claim_stdio,
)
from scaffold.server._process.private_settings import take_private_variables
from scaffold.server._process.shutdown import end_started_processes
from scaffold.server._protocol.hook_steps import await_if_needed, is_async
from scaffold.server._protocol.service import Service

if TYPE_CHECKING:
    from socket import socket

    from scaffold.server._http.serve import Worker

_OK: Final = 0
_USAGE: Final = 2
_PRECONDITION: Final = 4
_PLUGIN_FAILED: Final = 5
_MAX_UNSENT_BYTES: Final = 1 << 17
"""Bytes of a connection that the system buffers and has not sent yet."""

log = logging.getLogger(__name__)


def run_server(entry_point: str | type[Plugin], name: str, arguments: Sequence[str]) -> int:
    """Serve a plugin; return the exit status. `serve` has the details."""
    try:
        options = read_options(arguments, token=take_private_variables().get(PROOF_VARIABLE, ""))
    except UsageError as error:
        return _report_error(name, str(error), _USAGE)
    log_to_stderr(options.log_level)
    start = _serve_http if options.http else _serve_stdio
    status = _run_to_exit_status(name, partial(start, entry_point, name, options))
    if status == _OK:
        end_started_processes()
    return status


def _run_to_exit_status(name: str, start: Callable[[], int]) -> int:
    """Serve; on a failure write one line to stderr. Return the exit status."""
    try:
        return start()
    except _ListenError as error:
        return _report_error(name, str(error), _PRECONDITION)
    except PLUGIN_EXCEPTIONS as error:
        log.debug("the plugin cannot be used", exc_info=error)
        return _report_error(name, f"cannot start: {describe_failure(error)}", _PLUGIN_FAILED)


def _serve_stdio(entry_point: str | type[Plugin], name: str, options: Options) -> int:
    parent = os.getppid()
    descriptors = claim_stdio()
    inherited = InheritedDescriptors(lambda: (descriptors.input, descriptors.output))
    plugin = load_plugin(entry_point, name)
    if any(is_async(getattr(plugin, method)) for method in _method_names(plugin)):
        _run_event_loop(
            _serve_async_stdio(HostedPlugin(plugin, name), descriptors, options, parent)
        )
    else:
        from scaffold.server._stdio.threaded_server import ThreadedStdioServer

        hosted = HostedPlugin(plugin, name)
        hosted.set_up()
        server = ThreadedStdioServer(
            Service(hosted, options), descriptors, options.max_message_bytes
        )
        server.shutdown.watch(parent)
        server.run()
    del inherited  # forks replace descriptors only while it is referenced
    return _OK


def _run_event_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run a server's coroutine to its end; on uvloop if it is installed."""
    import asyncio
    from importlib import import_module
    from importlib.util import find_spec

    make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if find_spec("uvloop") is not None:
        make_loop = import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main)


async def _serve_async_stdio(
    hosted: HostedPlugin, descriptors: StdioDescriptors, options: Options, parent: int
) -> None:
    from scaffold.server._stdio.async_server import AsyncStdioServer

    await await_if_needed(hosted.set_up())
    server = AsyncStdioServer(Service(hosted, options), descriptors, options.max_message_bytes)
    server.shutdown.watch(parent)
    await server.run()


def _serve_http(entry_point: str | type[Plugin], name: str, options: Options) -> int:
    from scaffold.server._http.serve import serve_http
    from scaffold.server._http.session_tokens import SessionTokens

    listener = _bind_listener(options)
    sessions = SessionTokens()

    async def serve_plugin(hosted: HostedPlugin, worker: "Worker | None") -> None:
        await await_if_needed(hosted.set_up())
        await serve_http(Service(hosted, options), listener, options, sessions, worker)

    def start(worker: "Worker | None" = None) -> int:
        _run_event_loop(serve_plugin(HostedPlugin(load_plugin(entry_point, name), name), worker))
        return _OK

    if options.workers == 1:
        return start()
    from scaffold.server._http.worker_processes import supervise

    return supervise(
        options.workers, lambda worker: _run_to_exit_status(name, partial(start, worker)), listener
    )


class _ListenError(Exception):
    """The server cannot listen on its address."""


def _bind_listener(options: Options) -> "socket":
    """Bind the port. Connections are refused until the plugin is set up."""
    import socket

    if options.fd is not None:
        return _inherited_listener(options.fd)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # With IPPROTO_TCP asyncio turns off Nagle's algorithm, which delays a response by 44 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _limit_unsent_bytes(listener)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        where = f"{options.host} port {options.port}"
        raise _ListenError(f"cannot listen on {where}: {reason}") from None
    return listener


def _inherited_listener(descriptor: int) -> "socket":
    """Return the bound socket that this process has inherited from its parent."""
    import socket

    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise _ListenError(f"cannot listen on descriptor {descriptor}: {reason}") from None
    listener.set_inheritable(False)
    _limit_unsent_bytes(listener)
    return listener


def _limit_unsent_bytes(listener: "socket") -> None:
    """Limit how much of a response the system buffers for a client that does not read.

    Connections inherit the option. Without it the system buffers up to 4 MB, and backpressure
    reaches a stream late.
    """
    import socket

    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with suppress(OSError):  # a socket of another family
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MAX_UNSENT_BYTES)


def _method_names(plugin: Plugin) -> list[str]:
    return ["setup", "teardown", *plugin.kind.hooks]


def _report_error(name: str, message: str, status: int) -> int:
    sys.stderr.write(f"{name}: {message}\n")
    return status


_LEVELS: Final = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}
"""The levels that hosts know, in their order."""


class _Formatter(logging.Formatter):
    """Writes records as `2026-01-31 12:00:00,000 ERROR plugin.demo: text`; further lines get a tab.

    So a host, or a tool that reads logs, knows where a record begins, and a message from a plugin
    or client cannot imitate a record.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    @override
    def format(self, record: logging.LogRecord) -> str:
        if record.levelname not in _LEVELS:  # a library's own level, or a name with colours
            known = [name for name, level in _LEVELS.items() if level <= record.levelno]
            level = known[-1] if known else "DEBUG"
            record = logging.makeLogRecord({**record.__dict__, "levelname": level})
        return printable(super().format(record)).replace("\n", "\n\t")


def log_to_stderr(level: int | str) -> None:
    """Write all log records of this process to stderr, from a level upwards."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level, handlers=[handler])
