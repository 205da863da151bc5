"""Messages between a host and its fork server, as values. They are not MCP, and there is no I/O.

For each process the host sends the server one end of a socket pair. Through its own end it sends a
`ForkRequest` and the descriptors 0, 1 and 2 of the process. The server sends two integers back: the
process id, and the exit status once the process has ended. Each further byte from the host is a
signal for the process group. When the host closes its end, the server forgets the process.
"""

import struct
from typing import Final

from msgspec import Struct, msgpack

READY: Final = b"1"
"""The first bytes of a server that is ready, and the version of these messages."""
LENGTH: Final = struct.Struct("!I")
"""The length of a request in bytes, which is sent before it."""
INT: Final = struct.Struct("!i")
"""A process id, or an exit status: minus the number of the signal that ended the process."""


class ForkRequest(Struct, frozen=True):
    """A process to fork. Texts are bytes in the encoding of the system."""

    arguments: list[bytes]
    """The arguments of the interpreter: `-m MODULE …` or `FILE …`."""
    cwd: bytes
    env: dict[bytes, bytes]
    """All environment variables of the process."""

    def write(self) -> bytes:
        """Return the encoded request with its length before it."""
        data = msgpack.encode(self)
        return LENGTH.pack(len(data)) + data

    @classmethod
    def read(cls, data: bytes) -> "ForkRequest":
        """Decode a request, which comes without its length."""
        return msgpack.decode(data, type=cls)
