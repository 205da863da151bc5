"""A shell that kills the plugin processes of a host after the host itself was killed.

A plugin sees by itself that its host has ended, unless a hook keeps the interpreter busy. The shell
reads a pipe whose write end only the host has, so the end of the pipe is the end of the host. The
host writes into it which process groups it has started. The shell runs as long as the host has any.
"""

import os
import signal
from contextlib import suppress
from typing import Final

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.client._process.descriptors import DESCRIPTORS

_GRACE: Final = 8
"""Seconds until processes are killed. Our own servers need less to end by themselves."""
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
    """The process groups that must end with this process, and the shell that kills them."""

    def __init__(self, grace: int = _GRACE) -> None:
        self._grace = grace
        self._lock = reentrant_lock(Rank.GLOBAL)
        self._groups: set[int] = set()
        self._pipe = -1
        """The write end of the pipe that the shell reads."""
        self._shell = 0
        """The process id of the shell, or 0."""

    def add(self, group: int) -> None:
        """Kill a process group if this process is killed."""
        with self._lock:
            self._groups.add(group)
            if self._shell and not self._send(b"+ %d\n" % group):
                self._end()
            if not self._shell:
                with suppress(OSError):
                    self._start()

    def remove(self, group: int) -> None:
        """Forget a group, because it has ended."""
        with self._lock:
            if group not in self._groups:
                return
            self._groups.remove(group)
            if self._shell and not (self._groups and self._send(b"- %d\n" % group)):
                self._end()

    def _send(self, line: bytes) -> bool:
        """Write a line to the shell; return whether the shell is alive."""
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
        """Kill the shell, because no group is left or the shell has ended."""
        shell, self._shell = self._shell, 0
        DESCRIPTORS.close(self._pipe)
        with suppress(ProcessLookupError):
            os.kill(shell, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(shell, 0)

    def reset(self) -> None:
        """Forget all groups in a fork: they belong to the parent."""
        self._lock = reentrant_lock(Rank.GLOBAL)
        self._groups = set()
        self._shell = 0


ORPHAN_REAPER: Final = OrphanReaper()
"""The reaper of this process."""
reset_after_fork(ORPHAN_REAPER.reset)
