"""From one call of a hook to the plugins it reaches: what generated dispatchers are built on."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import BaseModel

from scaffold.contract._errors.errors import HookError
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook
from scaffold.contract._hooks.plugin import AsyncClient, Client
from scaffold.contract._json.types import Json

__all__ = ["AsyncDispatcher", "AsyncRoutes", "Dispatcher", "Routes", "StopChain", "Wanted"]

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a plugin must be capable of to answer a call (ADR-0002 §5); any may be left out."""

    extension: str = ""
    """A file's extension with its dot: `.md`."""
    language: str = ""
    """A natural or programming language, as manifests write it."""
    mime_type: str = ""
    """A media type (RFC 6838) without parameters: `text/markdown`."""

    @classmethod
    def of_file(cls, path: str, *, language: str = "", mime_type: str = "") -> Self:
        """Return what the name of a file says, and what else is known of it."""
        return cls(PurePosixPath(path).suffix, language, mime_type)


class StopChain(HookError):
    """Raise it in a chain hook to end the chain: the caller gets `answer` at once.

    It is the sentinel of ADR-0002 §4, and crosses every wire as an error with a code of its own.
    """

    CODE: ClassVar[str] = "stop_chain"

    def __init__(self, answer: BaseModel | Json) -> None:
        if isinstance(answer, BaseModel):
            answer = answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
        super().__init__(self.CODE, "the chain ends here", answer)


class Routes(Protocol):
    """Makes the functions that call one kind's plugins, a maker for each dispatch class."""

    def singleton(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Ask the one active plugin."""
        ...

    def broadcast_collect(self, hook: Hook[In, Out]) -> Callable[[In], list[Out]]:
        """Ask every plugin; the answers are in the order of priority."""
        ...

    def broadcast_notify(self, hook: Hook[In, Any]) -> Callable[[In], None]:
        """Tell every plugin, and wait for none."""
        ...

    def chain(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Hand each plugin's answer to the next one."""
        ...

    def capability(self, hook: Hook[In, Out]) -> Callable[[In, Wanted], Out]:
        """Ask the plugin that is capable of what is wanted."""
        ...

    def singleton_stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Open a stream of the one active plugin."""
        ...

    def capability_stream(
        self, hook: StreamHook[In, Out]
    ) -> Callable[[In, Wanted], Generator[Out]]:
        """Open a stream of the plugin that is capable of what is wanted."""
        ...


class AsyncRoutes(Protocol):
    """Makes the functions that call one kind's plugins from an event loop."""

    def singleton(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Ask the one active plugin."""
        ...

    def broadcast_collect(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[list[Out]]]:
        """Ask every plugin; the answers are in the order of priority."""
        ...

    def broadcast_notify(self, hook: Hook[In, Any]) -> Callable[[In], Awaitable[None]]:
        """Tell every plugin, and wait for none."""
        ...

    def chain(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Hand each plugin's answer to the next one."""
        ...

    def capability(self, hook: Hook[In, Out]) -> Callable[[In, Wanted], Awaitable[Out]]:
        """Ask the plugin that is capable of what is wanted."""
        ...

    def singleton_stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Open a stream of the one active plugin."""
        ...

    def capability_stream(
        self, hook: StreamHook[In, Out]
    ) -> Callable[[In, Wanted], AsyncGenerator[Out]]:
        """Open a stream of the plugin that is capable of what is wanted."""
        ...


class Dispatcher(ABC):
    """The base of every `<Kind>Dispatcher`: all plugins of a kind, called as its hooks say.

    A host binds it again whenever the plugins in use change, so a call costs no look-up.
    """

    kind: ClassVar[Kind]
    client: ClassVar[type[Client]]
    """What stands for one plugin of the kind."""

    def __init__(self, routes: Routes) -> None:
        self.bind(routes)

    @abstractmethod
    def bind(self, routes: Routes) -> None:
        """Make the functions that the methods call."""


class AsyncDispatcher(ABC):
    """The base of every `Async<Kind>Dispatcher`: the same, awaited."""

    kind: ClassVar[Kind]
    client: ClassVar[type[AsyncClient]]
    """What stands for one plugin of the kind."""

    def __init__(self, routes: AsyncRoutes) -> None:
        self.bind(routes)

    @abstractmethod
    def bind(self, routes: AsyncRoutes) -> None:
        """Make the functions that the methods call."""
