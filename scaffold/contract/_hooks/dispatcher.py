"""The base classes of generated dispatchers, which call a hook over all plugins of a kind."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import BaseModel

from scaffold.contract._errors.errors import HookError
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook
from scaffold.contract._hooks.plugin import AsyncClient, Client
from scaffold.contract._json import Json

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The capabilities that a call needs (ADR-0002 §5); an empty text means any.

    Example:
        dispatcher.parse(payload, Wanted.of_file("notes.md", language="en"))
    """

    extension: str = ""
    """The extension of a file with its dot: `.md`."""
    language: str = ""
    """A natural or programming language, spelled as in manifests."""
    mime_type: str = ""
    """A media type (RFC 6838) without parameters: `text/markdown`."""

    @classmethod
    def of_file(cls, path: str, *, language: str = "", mime_type: str = "") -> Self:
        """Return the capabilities for a file, with the extension of its path."""
        return cls(PurePosixPath(path).suffix, language, mime_type)


class StopChain(HookError):
    """Raise it in a chain hook to end the chain: the caller gets `answer` at once.

    It is the sentinel of ADR-0002 §4. Over MCP it is an error with the code `stop_chain`.

    Args:
        answer: The output of the whole chain.
    """

    CODE: ClassVar[str] = "stop_chain"

    def __init__(self, answer: BaseModel | Json) -> None:
        if isinstance(answer, BaseModel):
            answer = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
        super().__init__(self.CODE, "a plugin ended the chain", answer)


class Routes(Protocol):
    """Makes the functions that call the plugins of a kind, one method for each dispatch class."""

    def singleton(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Call the active plugin."""
        ...

    def broadcast_collect(self, hook: Hook[In, Out]) -> Callable[[In], list[Out]]:
        """Call all plugins; the outputs are ordered by priority."""
        ...

    def broadcast_notify(self, hook: Hook[In, Any]) -> Callable[[In], None]:
        """Call all plugins without waiting for them."""
        ...

    def chain(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Call all plugins in turn, each with the output of the one before."""
        ...

    def capability(self, hook: Hook[In, Out]) -> Callable[[In, Wanted], Out]:
        """Call the plugin that has the wanted capabilities."""
        ...

    def singleton_stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Open a stream of the active plugin."""
        ...

    def capability_stream(
        self, hook: StreamHook[In, Out]
    ) -> Callable[[In, Wanted], Generator[Out]]:
        """Open a stream of the plugin that has the wanted capabilities."""
        ...


class AsyncRoutes(Protocol):
    """`Routes` for an event loop."""

    def singleton(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Call the active plugin."""
        ...

    def broadcast_collect(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[list[Out]]]:
        """Call all plugins; the outputs are ordered by priority."""
        ...

    def broadcast_notify(self, hook: Hook[In, Any]) -> Callable[[In], Awaitable[None]]:
        """Call all plugins without waiting for them."""
        ...

    def chain(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Call all plugins in turn, each with the output of the one before."""
        ...

    def capability(self, hook: Hook[In, Out]) -> Callable[[In, Wanted], Awaitable[Out]]:
        """Call the plugin that has the wanted capabilities."""
        ...

    def singleton_stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Open a stream of the active plugin."""
        ...

    def capability_stream(
        self, hook: StreamHook[In, Out]
    ) -> Callable[[In, Wanted], AsyncGenerator[Out]]:
        """Open a stream of the plugin that has the wanted capabilities."""
        ...


class Dispatcher(ABC):
    """The base of every `<Kind>Dispatcher`, which calls the plugins of a kind.

    The host binds it again whenever the loaded plugins change, so that a call needs no lookup.
    """

    kind: ClassVar[Kind]
    client: ClassVar[type[Client]]
    """The client class of the kind."""

    def __init__(self, routes: Routes) -> None:
        self.bind(routes)

    @abstractmethod
    def bind(self, routes: Routes) -> None:
        """Bind the functions that the methods call."""


class AsyncDispatcher(ABC):
    """The base of every `Async<Kind>Dispatcher`: `Dispatcher` with awaited hooks."""

    kind: ClassVar[Kind]
    client: ClassVar[type[AsyncClient]]
    """The client class of the kind."""

    def __init__(self, routes: AsyncRoutes) -> None:
        self.bind(routes)

    @abstractmethod
    def bind(self, routes: AsyncRoutes) -> None:
        """Bind the functions that the methods call."""
