"""The resources of one plugin, and their release."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack


class ResourceScope(ExitStack):
    """A stack of cleanup functions; it unwinds after the teardown of the plugin."""

    def __init__(self) -> None:
        super().__init__()
        self._awaited: list[Callable[[], Awaitable[object]]] = []

    def awaiting(self, close: Callable[[], Awaitable[object]]) -> None:
        """Add an async cleanup function; it runs in the event loop of the plugin."""
        self._awaited.append(close)

    def end(self) -> Awaitable[None] | None:
        """Release everything. May be repeated.

        Returns:
            An awaitable that does it, or `None` if it is done.
        """
        if self._awaited:
            return self._end()
        self.close()
        return None

    async def _end(self) -> None:
        with self:
            while self._awaited:
                await self._awaited.pop()()
