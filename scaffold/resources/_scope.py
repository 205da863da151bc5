"""What one plugin was lent, and how it is taken back."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack

__all__ = ["ResourceScope"]


class ResourceScope(ExitStack):
    """The stack that makers of resources push on; it unwinds after the plugin's teardown."""

    def __init__(self) -> None:
        super().__init__()
        self._awaited: list[Callable[[], Awaitable[object]]] = []

    def awaiting(self, close: Callable[[], Awaitable[object]]) -> None:
        """Have something closed that can only be closed in the plugin's own event loop."""
        self._awaited.append(close)

    def end(self) -> Awaitable[None] | None:
        """Take everything back, at once or by what is returned. May be repeated."""
        if self._awaited:
            return self._end()
        self.close()
        return None

    async def _end(self) -> None:
        with self:
            while self._awaited:
                await self._awaited.pop()()
