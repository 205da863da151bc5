"""The pipes and sockets to child processes. A fork of the host closes its copies of them at once.

A copy that stayed open would keep the end of its input from a plugin whose host has gone.
"""

import errno
import fcntl
import os
import select
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock

__all__ = ["ATOMIC_WRITE_BYTES", "DESCRIPTORS", "enlarge_pipe", "poller_for"]

ATOMIC_WRITE_BYTES: Final = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes as a whole or not at all (POSIX, PIPE_BUF)."""

_PIPE_BYTES: Final = 1 << 20
_TABLE_FULL: Final = (errno.EMFILE, errno.ENFILE)


class Descriptors:
    """Those of this process that lead to others."""

    def __init__(self) -> None:
        self._lock = reentrant_lock(Rank.DESCRIPTORS)
        """Held while a descriptor is made and noted: a fork waits for that."""
        self._open: set[int] = set()
        self._spare = -1
        """Kept to be given up when there is no room for another one."""

    def pipe(self) -> tuple[int, int]:
        """Return the ends of a new pipe, for reading and writing; raise `OSError`."""
        with self._lock:
            self._reserve_spare()
            ends = os.pipe()
            self._open.update(ends)
        return ends

    def socket_pair(self) -> tuple[socket.socket, socket.socket]:
        """Return a pair of connected sockets; raise `OSError`. Close them with `close_socket`."""
        with self._lock:
            pair = socket.socketpair()
            self._open.update(one.fileno() for one in pair)
        return pair

    def close(self, descriptor: int) -> None:
        """Close a descriptor, once; a fork has none of those that it has copied."""
        with suppress(KeyError):
            self._open.remove(descriptor)
            os.close(descriptor)
        self._release_spare()

    def close_socket(self, one: socket.socket) -> None:
        """Close a socket. May be repeated."""
        self._open.discard(one.fileno())
        one.close()
        self._release_spare()

    def close_all(self, descriptors: Iterable[int]) -> None:
        """Close several descriptors."""
        for descriptor in descriptors:
            self.close(descriptor)

    def write_to_read_end(self, pipe: int, data: bytes) -> bool:
        """Write into the end of a pipe that is for reading; tell whether that can be done.

        Linux opens a pipe by the name of any of its descriptors. The end is closed at once, so the
        end of the output is still seen.
        """
        with self._lock:
            try:
                end = self._open_for_writing(pipe)
            except OSError:
                return False
            finally:
                with suppress(OSError):
                    self._reserve_spare()
            with suppress(BlockingIOError):  # a full pipe lets nobody block
                os.write(end, data)
            os.close(end)
            return True

    def _open_for_writing(self, pipe: int) -> int:
        name, flags = f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK
        try:
            return os.open(name, flags)
        except OSError as error:
            if error.errno not in _TABLE_FULL or self._spare < 0:
                raise
        spare, self._spare = self._spare, -1
        os.close(spare)
        return os.open(name, flags)

    def _reserve_spare(self) -> None:
        if self._spare < 0:
            self._spare = os.open(os.devnull, os.O_RDONLY)

    def _release_spare(self) -> None:
        if not self._open and self._spare >= 0:
            spare, self._spare = self._spare, -1
            os.close(spare)

    def before_fork(self) -> None:
        """Let no other thread make a descriptor until the fork is made."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """Let other threads go on."""
        self._lock.release()

    def in_fork(self) -> None:
        """Close the copies."""
        for descriptor in (*self._open, self._spare):
            with suppress(OSError):
                os.close(descriptor)
        self._open.clear()
        self._spare = -1
        self._lock.release()


def poller_for(*, read: Sequence[int] = (), write: Sequence[int] = ()) -> "select.poll":
    """Return what waits for descriptors to become readable or writable."""
    poller = select.poll()
    for fd in read:
        poller.register(fd, select.POLLIN)
    for fd in write:
        poller.register(fd, select.POLLOUT)
    return poller


def enlarge_pipe(descriptor: int) -> None:
    """Let a pipe hold more, where the system can and allows it."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is not None:
        with suppress(OSError):
            fcntl.fcntl(descriptor, set_size, _PIPE_BYTES)


DESCRIPTORS: Final = Descriptors()
"""Those of this process."""

reset_after_fork(DESCRIPTORS.in_fork)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=DESCRIPTORS.before_fork, after_in_parent=DESCRIPTORS.after_fork)
