"""The pipes and sockets to child processes. A fork of the host closes its copies at once.

If a copy stayed open, a plugin would not see the end of its input when its host ends.
"""

import errno
import fcntl
import os
import select
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from scaffold._concurrency.forks import hold_during_forks, reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock

ATOMIC_WRITE_BYTES: Final = getattr(select, "PIPE_BUF", 512)
"""Maximum length of an atomic write to a pipe, in bytes (POSIX, PIPE_BUF)."""

_PIPE_BYTES: Final = 1 << 20
_TABLE_FULL: Final = (errno.EMFILE, errno.ENFILE)


class Descriptors:
    """All descriptors of this process that lead to child processes."""

    def __init__(self) -> None:
        self._lock = reentrant_lock(Rank.DESCRIPTORS)
        """Held while a descriptor is created and registered. A fork waits for it."""
        self._open: set[int] = set()
        self._spare = -1
        """Reserve: closed when the process has no free descriptor left."""

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
        """Close a descriptor once. A fork has closed its copies already."""
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
        """Write into a pipe through its read end; return whether the system can do that.

        Linux opens a pipe by the path of any of its descriptors. The new write end is closed at
        once, so the reader still sees the end of the output.
        """
        with self._lock:
            try:
                end = self._open_for_writing(pipe)
            except OSError:
                return False
            finally:
                with suppress(OSError):
                    self._reserve_spare()
            with suppress(BlockingIOError):  # a read of a full pipe does not block
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

    def redirect_to_nothing(self, *closed: int) -> None:
        """Let numbers that `in_fork` has closed lead to the null device.

        A frame that still reads or writes there must not meet what is opened in the fork later. An
        interrupted frame takes its descriptor along, so they stay until the next fork or the end.
        """
        for number in closed:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number, inheritable=False)
                os.close(nothing)
            self._open.add(number)

    def before_fork(self) -> None:
        """Keep other threads from creating descriptors during a fork."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """Allow other threads to create descriptors again."""
        self._lock.release()

    def in_fork(self) -> None:
        """Close the copies of the parent's descriptors."""
        spare = () if self._spare < 0 else (self._spare,)
        for descriptor in (*self._open, *spare):
            with suppress(OSError):
                os.close(descriptor)
        self._open.clear()
        self._spare = -1
        self._lock.release()


def poller_for(*, read: Sequence[int] = (), write: Sequence[int] = ()) -> "select.poll":
    """Return a poll object for descriptors that become readable or writable."""
    poller = select.poll()
    for fd in read:
        poller.register(fd, select.POLLIN)
    for fd in write:
        poller.register(fd, select.POLLOUT)
    return poller


def enlarge_pipe(descriptor: int) -> None:
    """Enlarge the buffer of a pipe, if the system can and allows it."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is not None:
        with suppress(OSError):
            fcntl.fcntl(descriptor, set_size, _PIPE_BYTES)


DESCRIPTORS: Final = Descriptors()
"""The registry of this process."""

reset_after_fork(DESCRIPTORS.in_fork)
hold_during_forks(Rank.DESCRIPTORS, DESCRIPTORS.before_fork, DESCRIPTORS.after_fork)
