"""What ends the processes of a host that was killed: a shell that waits for the host's end.

A plugin notices by itself that its host has gone, unless a hook keeps the interpreter from running
anything else. The shell reads a pipe whose other end nobody but the host has; its end is the
host's. It lives for as long as the host has any process, and is told which.
"""

import os
import signal
from contextlib import suppress
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.client._process.descriptors import DESCRIPTORS

__all__ = ["ORPHAN_REAPER", "OrphanReaper"]

_GRACE: Final = 8
"""Seconds that processes get to end by themselves: longer than our servers take."""
_SHELL: Final = "/bin/sh"
_SCRIPT: Final = """
groups=
while read -r what group; do
    rest=
    for one in $groups; do [ "$one" = "$group" ] || rest="$rest $one"; done
    groups=$rest
    [ "$what" = + ] && groups="$groups $group"
done
left=$1
while [ "$left" -gt 0 ]; do
    rest=
    for one in $groups; do kill -s 0 -- "-$one" 2> /dev/null && rest="$rest $one"; done
    groups=$rest
    [ -n "$groups" ] || exit 0
    sleep 1
    left=$((left - 1))
done
for one in $groups; do kill -s KILL -- "-$one" 2> /dev/null; done
"""


class OrphanReaper:
    """The processes that are to end with this one, by force if they must."""

    def __init__(self, grace: int = _GRACE) -> None:
        self._grace = grace
        self._lock = reentrant_lock(Rank.GLOBAL)
        self._groups: set[int] = set()
        self._pipe = -1
        """What the shell reads, while there is one."""
        self._shell = 0
        """0 while there is none."""

    def add(self, group: int) -> None:
        """Have the group ended that a process leads, should this one be killed."""
        with self._lock:
            self._groups.add(group)
            if self._shell and not self._send(b"+ %d\n" % group):
                self._end()
            if not self._shell:
                with suppress(OSError):
                    self._start()

    def remove(self, group: int) -> None:
        """Leave a group alone, which has ended."""
        with self._lock:
            if group not in self._groups:
                return
            self._groups.remove(group)
            if self._shell and not (self._groups and self._send(b"- %d\n" % group)):
                self._end()

    def _send(self, line: bytes) -> bool:
        """Tell the shell something; tell whether it is there to hear it."""
        try:
            os.write(self._pipe, line)
        except BrokenPipeError:
            return False
        return True

    def _start(self) -> None:
        inlet, self._pipe = DESCRIPTORS.pipe()
        nothing = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
        try:
            self._shell = os.posix_spawn(
                _SHELL,
                [_SHELL, "-c", _SCRIPT, _SHELL, str(self._grace)],
                {"PATH": os.defpath},
                file_actions=[(os.POSIX_SPAWN_DUP2, inlet, 0), *nothing],
                setpgroup=0,
            )
        except OSError:
            DESCRIPTORS.close(self._pipe)
            raise
        finally:
            DESCRIPTORS.close(inlet)
        self._send(b"".join([b"+ %d\n" % group for group in self._groups]))

    def _end(self) -> None:
        """End the shell: it has nobody to wait for, or has been ended already."""
        shell, self._shell = self._shell, 0
        DESCRIPTORS.close(self._pipe)
        with suppress(ProcessLookupError):
            os.kill(shell, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(shell, 0)

    def reset(self) -> None:
        """Be a fork of the host, to whom its processes do not belong."""
        self._lock = reentrant_lock(Rank.GLOBAL)
        self._groups = set()
        self._shell = 0


ORPHAN_REAPER: Final = OrphanReaper()
"""Those of this process."""
reset_after_fork(ORPHAN_REAPER.reset)
