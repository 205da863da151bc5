"""A process that has imported what every plugin imports, and forks when its host wants a plugin.

It runs one thread and no code of any plugin: that is imported after the fork, by the process that
it is for. Descriptor 0 is a socket to the host.
"""

import os
import selectors
import signal
import socket
import time
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Final

from scaffold._fork_messages import INT, LENGTH, READY, ForkRequest
from scaffold.server._process.fork_child import become
from scaffold.server._process.lean_imports import frugal

__all__ = ["main"]

_NEEDED: Final = (
    "_run",
    "_stdio.threaded_server",
    "_stdio.async_server",
    "_process.event_loop",
)
"""What plugins of every sort run on: imported here once, for all of them."""
_PATIENCE: Final = 5.0
"""Seconds that a host may take to send an order that it has begun."""
_GRACE: Final = 3.0
"""Seconds that processes get to end when the host has left: the end of their input tells them."""
_TERM_GRACE: Final = 1.0
"""Seconds from SIGTERM to SIGKILL."""
_GLANCE: Final = 0.1
"""Seconds between looks at the time, once the host has gone."""


def main() -> None:
    """Serve the host on descriptor 0; in a forked process, run what it is for."""
    with frugal():
        for name in _NEEDED:
            import_module(f"scaffold.server.{name}")
    forked = _Forks(_host()).run()
    if forked is not None:
        become(*forked)


def _host() -> socket.socket:
    """Take the socket off descriptor 0."""
    host = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    return host


class _Forks:
    """Forks, and tells the host what becomes of the processes."""

    def __init__(self, host: socket.socket) -> None:
        self._ready = selectors.PollSelector()
        woken, self._wake = socket.socketpair()
        for one in (woken, self._wake):
            one.setblocking(False)
        self._ready.register(woken, selectors.EVENT_READ, self._reap)
        self._ready.register(host, selectors.EVENT_READ, self._fork)
        self._controls: dict[int, socket.socket | None] = {}
        """The processes that live, and where the host hears of them, if it still wants to."""
        self._left = 0.0
        """When the host has left."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        host.send(READY)

    def run(self) -> tuple[ForkRequest, list[int]] | None:
        """Serve until the host and all processes are gone; in a fork, return what it is to be."""
        while self._controls or not self._left:
            for key, _ in self._ready.select(_GLANCE if self._left else None):
                forked = key.data(key.fileobj)
                if forked is not None:
                    self._forget()
                    return forked[0], forked[1]
            if self._left:
                self._outlive(time.monotonic() - self._left)
        return None

    def _fork(self, host: socket.socket) -> tuple[ForkRequest, list[int]] | None:
        """Take an order; return it in the forked process, with descriptors 0, 1 and 2."""
        _, fds, _, _ = socket.recv_fds(host, 1, 1)
        if not fds:
            self._ready.unregister(host)
            host.close()
            self._left = time.monotonic()
            return None
        control = socket.socket(fileno=fds[0])
        stdio: list[int] = []
        try:
            order = _receive(control, stdio)
            pid = os.fork()
        except OSError as error:
            for fd in stdio[-1:]:
                os.write(fd, f"cannot fork: {error}\n".encode())
            control.close()
            _close(stdio)
            return None
        if not pid:
            control.close()
            return order, stdio
        _close(stdio)
        self._controls[pid] = control
        self._ready.register(control, selectors.EVENT_READ, partial(self._pass_on, pid))
        _tell(control, pid)
        return None

    def _pass_on(self, pid: int, control: socket.socket) -> None:
        """Signal a group as the host asks; it is there, because its leader is not reaped yet."""
        if self._controls.get(pid) is not control:
            return  # the process was reaped in this very turn
        numbers = b""
        with suppress(OSError):
            numbers = control.recv(16)
        for number in numbers:
            _signal_group(pid, number)
        if not numbers:
            self._ready.unregister(control)
            control.close()
            self._controls[pid] = None

    def _reap(self, woken: socket.socket) -> None:
        """Note which processes have ended; end what they have left behind, and tell the host."""
        with suppress(BlockingIOError):
            woken.recv(1 << 12)
        for pid in list(self._controls):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                _signal_group(pid, signal.SIGKILL)
                control = self._controls.pop(pid)
                if control is not None:
                    _tell(control, os.waitstatus_to_exitcode(status))
                    self._ready.unregister(control)
                    control.close()

    def _outlive(self, seconds: float) -> None:
        """End what is still there so many seconds after the host has left."""
        if seconds > _GRACE:
            number = signal.SIGTERM if seconds < _GRACE + _TERM_GRACE else signal.SIGKILL
            for pid in self._controls:
                _signal_group(pid, number)

    def _forget(self) -> None:
        """Let go of everything that is the server's, in a process that is none."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for key in list(self._ready.get_map().values()):
            self._ready.unregister(key.fileobj)
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._wake.close()


def _receive(control: socket.socket, stdio: list[int]) -> ForkRequest:
    """Read an order; what comes with it is added to `stdio` at once, to be closed whatever is."""
    control.settimeout(_PATIENCE)
    data, fds, _, _ = socket.recv_fds(control, 1 << 16, 3)
    stdio += fds
    while len(data) < LENGTH.size or len(data) < LENGTH.size + LENGTH.unpack_from(data)[0]:
        more = control.recv(1 << 16)
        if not more:
            raise ConnectionResetError("half an order")
        data += more
    return ForkRequest.read(data[LENGTH.size :])


def _close(stdio: list[int]) -> None:
    for fd in stdio:
        os.close(fd)


def _tell(control: socket.socket, number: int) -> None:
    with suppress(OSError):
        control.send(INT.pack(number))


def _signal_group(pid: int, number: int) -> None:
    # macOS answers EPERM for a group of which only the dead leader is left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the descriptor that the interpreter writes to has woken the server."""
