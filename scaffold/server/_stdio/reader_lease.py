"""The reader lease: the right of one thread to read stdin, which the watchdog can revoke.

The lease cannot be revoked while its thread reads. While the thread processes a line, the line is
in the list `current_line`. The thread pops it when it is done, the watchdog pops it to revoke the
lease. `list.pop` is atomic, so exactly one of them gets the line, and with it the lease.
"""

from scaffold.server._stdio.session import UnparsedCall

__all__ = ["ReaderLease"]


class ReaderLease:
    """The lead of one thread, from when it gets it until it loses it."""

    __slots__ = ("current_line", "revoked_for")

    def __init__(self) -> None:
        self.current_line: list[bytes] = []
        """The one line that the thread is at; empty while it reads, and once it has lost."""
        self.revoked_for: UnparsedCall | None = None
        """The call that cost it the lead, if nobody else knows of the call."""

    def peek(self) -> bytes | None:
        """Return the line that the thread is at. For other threads."""
        try:
            return self.current_line[0]
        except IndexError:
            return None

    def revoke(self) -> bytes | None:
        """Take the lead from the thread, and return the line that it is at, if it is at any."""
        try:
            return self.current_line.pop()
        except IndexError:
            return None
