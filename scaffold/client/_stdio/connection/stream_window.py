"""What came of one stream and was not taken yet, and how the server hears of what was. No I/O."""

from collections.abc import Callable

from scaffold._mcp.progress import Progress
from scaffold._mcp.stream_messages import MORE_NOTIFICATION, WINDOW_BYTES, write_more_params
from scaffold.client._protocol.session import Outgoing
from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.client._stdio.connection.response_router import Answer
from scaffold.contract._errors.errors import ProtocolError

__all__ = ["Box"]


class Box:
    """Hands on what comes of a stream, as long as the server keeps to what it was allowed."""

    def __init__(self, connection: Connection, deliver: Callable[[Answer], object]) -> None:
        self.id = 0
        """The request of the stream."""
        self._connection = connection
        self._deliver = deliver
        self._came = 0
        self._taken = 0
        self._told = 0
        self._spilt = False
        self._last: float | None = None

    def deliver(self, answer: Answer) -> None:
        """Hand on what came; whoever reads the pipe calls this."""
        if self._spilt:
            return
        if isinstance(answer, Progress):
            if answer.progress == self._last:
                return  # an interruption had it delivered twice
            if self._came - self._told > WINDOW_BYTES:
                self._spilt = True
                answer = ProtocolError("the server sent more of a stream than it was allowed to")
            else:
                self._came += answer.size
                self._deliver(answer)
                self._last = answer.progress
                return
        self._deliver(answer)

    def took(self, progress: Progress) -> None:
        """Note what was taken, and let the server go on in time."""
        self._taken += progress.size
        if self._taken - self._told > WINDOW_BYTES // 2:
            self._told = self._taken
            more = write_more_params(self.id, self._told)
            self._connection.notify(Outgoing(MORE_NOTIFICATION, more, answered=False))
