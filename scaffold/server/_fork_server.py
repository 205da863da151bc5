"""The fork server: a process that has imported the server's modules and forks for each plugin.

It has one thread and runs no code of plugins: the forked process imports that, and behaves as a
process that `python -m MODULE` or `python FILE` started. Descriptor 0 is a socket to the host.
"""

import os
import runpy
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Final

from scaffold._fork_messages import INT, LENGTH, READY, ForkRequest
from scaffold.server._bootstrap import lean_imports
from scaffold.server._process.private_settings import take_private_variables

_TIME_ZONE: Final = b"TZ"
_CANNOT_RUN: Final = 126
"""The exit status of shells for a command that cannot be run."""

_PRELOADED: Final = (
    "_run",
    "_stdio.threaded_server",
    "_stdio.async_server",
)
"""The modules that plugin processes need; the fork server imports them once for all forks."""
_ORDER_TIMEOUT: Final = 5.0
"""Seconds that a host may take from the first to the last byte of a request."""
_GRACE_PERIOD: Final = 3.0
"""Seconds from the end of the host to SIGTERM; the processes see the end of their input first."""
_KILL_DELAY: Final = 1.0
"""Seconds from SIGTERM to SIGKILL."""
_POLL_INTERVAL: Final = 0.1
"""Seconds between two checks of the time after the host has ended."""


def main() -> None:
    """Serve the host on descriptor 0; in a forked process, run the plugin's process."""
    with lean_imports():
        for name in _PRELOADED:
            import_module(f"scaffold.server.{name}")
    forked = _ForkServer(_take_host_socket()).run()
    if forked is not None:
        run_order(*forked)


def _take_host_socket() -> socket.socket:
    """Move the host's socket away from descriptor 0."""
    host = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return host


class _ForkServer:
    """Forks processes, forwards signals to them, and reports their end to the host."""

    def __init__(self, host: socket.socket) -> None:
        self._selector = selectors.PollSelector()
        wakeup_read, self._wakeup_write = socket.socketpair()
        for end in (wakeup_read, self._wakeup_write):
            end.setblocking(False)
        self._selector.register(wakeup_read, selectors.EVENT_READ, self._reap)
        self._selector.register(host, selectors.EVENT_READ, self._fork)
        self._controls: dict[int, socket.socket | None] = {}
        """Process id → control socket of the host; `None` once the host has closed it."""
        self._host_left_at = 0.0
        """When the host closed its socket; 0 before that."""
        signal.set_wakeup_fd(self._wakeup_write.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore_signal)
        host.send(READY)

    def run(self) -> tuple[ForkRequest, list[int]] | None:
        """Serve until the host and all processes have ended; in a fork, return its request."""
        while self._controls or not self._host_left_at:
            for key, _ in self._selector.select(_POLL_INTERVAL if self._host_left_at else None):
                forked = key.data(key.fileobj)
                if forked is not None:
                    self._release_server_state()
                    return forked[0], forked[1]
            if self._host_left_at:
                self._end_processes(time.monotonic() - self._host_left_at)
        return None

    def _fork(self, host: socket.socket) -> tuple[ForkRequest, list[int]] | None:
        """Read a request and fork; in the fork, return the request and descriptors 0, 1 and 2."""
        _, fds, _, _ = socket.recv_fds(host, 1, 1)
        if not fds:
            self._selector.unregister(host)
            host.close()
            self._host_left_at = time.monotonic()
            return None
        control = socket.socket(fileno=fds[0])
        stdio: list[int] = []
        try:
            order = _receive_order(control, stdio)
            pid = os.fork()
        except OSError as error:
            for fd in stdio[-1:]:
                os.write(fd, f"cannot fork: {error}\n".encode())
            control.close()
            _close_all(stdio)
            return None
        if not pid:
            control.close()
            return order, stdio
        _close_all(stdio)
        self._controls[pid] = control
        self._selector.register(control, selectors.EVENT_READ, partial(self._forward_signals, pid))
        _send_number(control, pid)
        return None

    def _forward_signals(self, pid: int, control: socket.socket) -> None:
        """Send signals of the host to a process group. Its leader is not reaped, so it exists."""
        if self._controls.get(pid) is not control:
            return  # the process was reaped in the same iteration
        numbers = b""
        with suppress(OSError):
            numbers = control.recv(16)
        for number in numbers:
            _signal_group(pid, number)
        if not numbers:
            self._selector.unregister(control)
            control.close()
            self._controls[pid] = None

    def _reap(self, wakeup_read: socket.socket) -> None:
        """Reap ended processes, kill the rest of their groups, and report to the host."""
        with suppress(BlockingIOError):
            wakeup_read.recv(1 << 12)
        for pid in list(self._controls):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                _signal_group(pid, signal.SIGKILL)
                control = self._controls.pop(pid)
                if control is not None:
                    _send_number(control, os.waitstatus_to_exitcode(status))
                    self._selector.unregister(control)
                    control.close()

    def _end_processes(self, seconds: float) -> None:
        """Send SIGTERM, then SIGKILL, to the processes, by the seconds since the host ended."""
        if seconds > _GRACE_PERIOD:
            number = signal.SIGTERM if seconds < _GRACE_PERIOD + _KILL_DELAY else signal.SIGKILL
            for pid in self._controls:
                _signal_group(pid, number)

    def _release_server_state(self) -> None:
        """In a forked process: restore signals and close the fork server's descriptors."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._wakeup_write.close()


def _receive_order(control: socket.socket, stdio: list[int]) -> ForkRequest:
    """Read a request. Its descriptors are added to `stdio` first, so the caller can close them."""
    control.settimeout(_ORDER_TIMEOUT)
    data, fds, _, _ = socket.recv_fds(control, 1 << 16, 3)
    stdio += fds
    while len(data) < LENGTH.size or len(data) < LENGTH.size + LENGTH.unpack_from(data)[0]:
        more = control.recv(1 << 16)
        if not more:
            raise ConnectionResetError("the host closed the socket within a request")
        data += more
    return ForkRequest.read(data[LENGTH.size :])


def _close_all(stdio: list[int]) -> None:
    for fd in stdio:
        os.close(fd)


def _send_number(control: socket.socket, number: int) -> None:
    with suppress(OSError):
        control.send(INT.pack(number))


def _signal_group(pid: int, number: int) -> None:
    # macOS returns EPERM for a group that has only a dead leader.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _ignore_signal(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the interpreter has written to the wakeup descriptor, which wakes `run`."""


def run_order(order: ForkRequest, stdio: list[int]) -> None:
    """Run the requested module or file, in a new session, with these descriptors as 0, 1 and 2.

    It returns or raises as the code does; then the interpreter exits in its usual way.
    """
    os.setsid()
    for number, fd in enumerate(stdio):
        os.dup2(fd, number)
        os.close(fd)
    try:
        os.chdir(order.cwd)
    except OSError as error:
        sys.stderr.write(f"cannot run in '{os.fsdecode(order.cwd)}': {error.strerror}\n")
        sys.exit(_CANNOT_RUN)
    _replace_environment(order.env)
    take_private_variables()  # no code of the plugin has run yet
    arguments = [os.fsdecode(argument) for argument in order.arguments]
    sys.orig_argv[1:] = arguments
    if arguments[0] == "-m":
        _, module, *rest = arguments
        sys.argv[:] = ["-m", *rest]
        _prepend_to_path(Path.cwd())
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = arguments
        _prepend_to_path(Path(arguments[0]).resolve().parent)
        runpy.run_path(arguments[0], run_name="__main__")


def _replace_environment(env: Mapping[bytes, bytes]) -> None:
    """Replace the environment. Only differing variables are set, since each `putenv` takes time."""
    current = dict(os.environb)
    for name in current.keys() - env.keys():
        del os.environb[name]
    os.environb.update(item for item in env.items() if current.get(item[0]) != item[1])
    if current.get(_TIME_ZONE) != env.get(_TIME_ZONE):
        time.tzset()


def _prepend_to_path(folder: Path) -> None:
    if not sys.flags.safe_path:
        sys.path.insert(0, str(folder))
