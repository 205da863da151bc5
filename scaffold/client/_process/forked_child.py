"""A process that a fork server has started, seen from the host."""

import os
import signal
import socket
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._fork_messages import INT, ForkRequest
from scaffold.client._process.descriptors import DESCRIPTORS
from scaffold.client._process.launch import Launch, NoRoom, Stdio

_NOT_FORKED: Final = 126
"""The exit status for a process that could not run, as in shells."""


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return a pair of connected sockets; raise `NoRoom`."""
    try:
        return DESCRIPTORS.socket_pair()
    except OSError as error:
        raise NoRoom(f"cannot create a socket: {os.strerror(error.errno or 0)}") from None


def fork_request(launch: Launch, folder: Path) -> bytes:
    """Return the request to fork a process, encoded."""
    arguments = [os.fsencode(argument) for argument in launch.command[1:]]
    env = {os.fsencode(name): os.fsencode(value) for name, value in launch.environment.items()}
    return ForkRequest(arguments, os.fsencode(folder), env).write()


class ForkedChild:
    """A process that the fork server started, and whose end it reports."""

    def __init__(self, control: socket.socket, order: bytes, stdio: Stdio) -> None:
        self._control = control
        self._received: deque[bytes] = deque()
        self._status: int | None = None
        fds = [stdio.stdin, stdio.stdout, stdio.stderr]
        sent = socket.send_fds(control, [order], fds)
        control.sendall(order[sent:])
        reset_after_fork(self._in_fork)

    def poll(self) -> int | None:
        """Return the exit status, minus the number of the signal that ended it; or `None`."""
        if self._status is None:
            received = self._received
            try:
                # One call receives and keeps: a signal handler between the two would lose data.
                received.extend(map(self._control.recv, (2 * INT.size,), (socket.MSG_DONTWAIT,)))
            except BlockingIOError:
                return None
            except OSError:
                received.append(b"")
            data = b"".join(received)
            if len(data) == 2 * INT.size:
                self._status = INT.unpack_from(data, INT.size)[0]
            elif not received[-1]:
                self._status = self._orphaned(data)
        return self._status

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process group, if it still exists."""
        with suppress(OSError):
            self._control.send(bytes([number]))

    def release(self) -> None:
        """Close the connection, so that the server forgets the process."""
        DESCRIPTORS.close_socket(self._control)

    def _in_fork(self) -> None:
        self._control.detach()

    def _orphaned(self, received: bytes) -> int:
        """Kill a process whose fork server has ended, because its end would not be reported."""
        if len(received) < INT.size:
            return _NOT_FORKED
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(INT.unpack_from(received)[0], signal.SIGKILL)
        return -signal.SIGKILL
