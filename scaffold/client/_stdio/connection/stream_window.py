"""Backpressure of one stream: the client acknowledges what it has read. No I/O."""

from collections.abc import Callable

from scaffold._mcp.progress import Progress
from scaffold._mcp.stream_messages import MORE_NOTIFICATION, WINDOW_BYTES, write_more_params
from scaffold.client._protocol.session import OutgoingMessage
from scaffold.client._stdio.connection.calls_in_flight import Connection
from scaffold.client._stdio.connection.response_router import Response
from scaffold.contract._errors.errors import ProtocolError


class StreamWindow:
    """Delivers the messages of a stream, and checks that the server respects the window."""

    def __init__(self, connection: Connection, deliver: Callable[[Response], object]) -> None:
        self.id = 0
        """The request of the stream."""
        self._connection = connection
        self._deliver = deliver
        self._received = 0
        self._taken = 0
        self._acknowledged = 0
        self._exceeded = False
        self._last: float | None = None

    def deliver(self, answer: Response) -> None:
        """Deliver a message. The thread that reads the pipe calls this."""
        if self._exceeded:
            return
        if isinstance(answer, Progress):
            if answer.progress == self._last:
                return  # a duplicate after an interruption
            if self._received - self._acknowledged > WINDOW_BYTES:
                self._exceeded = True
                answer = ProtocolError("the server sent more of a stream than it was allowed to")
            else:
                self._received += answer.size
                self._deliver(answer)
                self._last = answer.progress
                return
        self._deliver(answer)

    def acknowledge(self, progress: Progress) -> None:
        """Note that a message was read; send an acknowledgement in time."""
        self._taken += progress.size
        if self._taken - self._acknowledged > WINDOW_BYTES // 2:
            self._acknowledged = self._taken
            more = write_more_params(self.id, self._acknowledged)
            self._connection.notify(
                OutgoingMessage(MORE_NOTIFICATION, more, expects_response=False)
            )
