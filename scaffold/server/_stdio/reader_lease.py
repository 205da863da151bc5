"""The reader lease: the right of one thread to read stdin, which the watchdog can revoke.

The lease cannot be revoked while its thread reads. While the thread processes a line, the line is
in the list `current_line`. The thread pops it when it is done, the watchdog pops it to revoke the
lease. `list.pop` is atomic, so exactly one of them gets the line, and with it the lease.
"""

from scaffold.server._stdio.session import UnparsedCall

__all__ = ["ReaderLease"]


class ReaderLease:
    """The lease of one thread, until it is revoked."""

    __slots__ = ("current_line", "revoked_for")

    def __init__(self) -> None:
        self.current_line: list[bytes] = []
        """The line that the thread processes; empty while it reads, and after a revocation."""
        self.revoked_for: UnparsedCall | None = None
        """The call during which the lease was revoked, if it was not parsed in full."""

    def peek(self) -> bytes | None:
        """Return the line that the thread processes. For other threads."""
        try:
            return self.current_line[0]
        except IndexError:
            return None

    def revoke(self) -> bytes | None:
        """Revoke the lease and return the current line; `None` if the thread processes none."""
        try:
            return self.current_line.pop()
        except IndexError:
            return None
