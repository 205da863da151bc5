"""What the measuring process knows of a client: how to call, and how to translate."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Connection"]


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection to one server."""

    call: Callable[[Any], Any]
    """Calls the hook with what `take` made; a coroutine function where the client is async."""
    take: Callable[[dict[str, Any]], Any]
    """Makes the client's own form of a payload; not part of what is measured."""
    give: Callable[[Any], dict[str, Any]]
    """Makes JSON of the client's own form of an answer; not part of what is measured."""
