"""What a host and its fork server say to each other. No MCP, and no I/O.

For every process the host passes the server one end of a socket pair, and sends an order through
its own end, together with descriptors 0, 1 and 2 of the process. What comes back are two numbers:
the process id, and the exit status once there is one. Bytes of the host's are signals for the group
of the process; its end of the pair closed means that it does not care any more.
"""

import struct
from typing import Final

from msgspec import Struct, msgpack

__all__ = ["INT", "LENGTH", "READY", "ForkRequest"]

READY: Final = b"1"
"""The server's first word, and the version of all this."""
LENGTH: Final = struct.Struct("!I")
"""Goes before an order: its length in bytes."""
INT: Final = struct.Struct("!i")
"""A process id, or an exit status: minus the number of the signal that ended the process."""


class ForkRequest(Struct, frozen=True):
    """A process to fork. Text is bytes, as the system has it."""

    arguments: list[bytes]
    """What follows the interpreter: `-m`, a module and its arguments, or a file and its own."""
    cwd: bytes
    env: dict[bytes, bytes]
    """All its variables."""

    def write(self) -> bytes:
        """Return the order with its length before it."""
        data = msgpack.encode(self)
        return LENGTH.pack(len(data)) + data

    @classmethod
    def read(cls, data: bytes) -> "ForkRequest":
        """Read what `write` has written, without the length."""
        return msgpack.decode(data, type=cls)
