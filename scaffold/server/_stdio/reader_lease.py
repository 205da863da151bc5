"""The lead of a server's threads: the right to read, which its holder loses by being slow.

A thread that reads, or takes the next line, cannot lose the lead; one that is at work for a line
can. It leaves the line in `at` meanwhile, and takes it out when it is done. Whoever takes it out
first has the lead: taking from a list is one step that no other thread can come between.
"""

from scaffold.server._stdio.session import Repeated

__all__ = ["Lead"]


class Lead:
    """The lead of one thread, from when it gets it until it loses it."""

    __slots__ = ("at", "lost_for")

    def __init__(self) -> None:
        self.at: list[bytes] = []
        """The one line that the thread is at; empty while it reads, and once it has lost."""
        self.lost_for: Repeated | None = None
        """The call that cost it the lead, if nobody else knows of the call."""

    def doing(self) -> bytes | None:
        """Return the line that the thread is at. For other threads."""
        try:
            return self.at[0]
        except IndexError:
            return None

    def take(self) -> bytes | None:
        """Take the lead from the thread, and return the line that it is at, if it is at any."""
        try:
            return self.at.pop()
        except IndexError:
            return None
