"""What the lifecycle of plugins waits for, in threads and in an event loop.

The lifecycle is written once, as coroutines. Whatever waits in them is a method of a `Driver`. The
driver of an `AsyncHost` awaits in its event loop. The methods of the driver of a `Host` block: see
`scaffold._concurrency.blocking_coroutines`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, ClassVar, Generic, ParamSpec, TypeAlias, TypeVar

from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Hook, Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._concurrency.background_work import Periodic
from scaffold.host._in_process.plugin_channel import CALLS_GRACE_PERIOD
from scaffold.host._plugin_context import HostServices, PluginEnvironment
from scaffold.manifest._model import Runtime

C = TypeVar("C", Channel, AsyncChannel)
P = ParamSpec("P")
T = TypeVar("T")

Work: TypeAlias = Callable[P, Coroutine[Any, Any, None]]
"""Work of the lifecycle: an `async` function that waits by a driver only."""

PeriodicWorks: TypeAlias = Callable[[], Iterable[Periodic[Coroutine[Any, Any, None]]]]
"""Returns all periodic work of a host."""


class Driver(ABC, Generic[C]):
    """Waits for a host, and opens and closes its channels."""

    awaits: ClassVar[bool]
    """True if the hooks of plugins are awaited."""

    @abstractmethod
    def __init__(self, services: HostServices) -> None: ...

    @property
    @abstractmethod
    def task(self) -> object:
        """The task that is running; `None` without an event loop."""

    @abstractmethod
    async def open_channel(
        self, environment: PluginEnvironment, kind: Kind, runtime: Runtime, plugin: Plugin | None
    ) -> C:
        """Open a channel to a plugin; see `open_channel`."""

    @abstractmethod
    async def close_channel(
        self, channel: C, grace_period: float = CALLS_GRACE_PERIOD, but: int = 0
    ) -> None:
        """Close a channel, after its calls in flight; `but` of them wait for that."""

    @abstractmethod
    async def check(self, channel: C, probe: Hook[None, Any] | None, seconds: float) -> None:
        """Ask a plugin in this process for its health; call the hook `probe` of another one."""

    @abstractmethod
    async def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition holds; return False if it does not when time is up."""

    @abstractmethod
    async def for_each(
        self, work: Work[[T]], plugins: Sequence[T], done: Callable[[T, float], object]
    ) -> None:
        """Do work for several plugins at once; see `run_in_parallel`."""

    @abstractmethod
    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work to its end, even if this task is cancelled meanwhile."""

    @abstractmethod
    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do work that blocks where it holds up no event loop; raise `ThreadUnavailable`."""

    @abstractmethod
    async def end_background_calls(self, seconds: float) -> None:
        """Wait until all calls have ended whose result no caller waits for; then make none."""

    @abstractmethod
    def start_periodic_work(self, works: PeriodicWorks) -> None:
        """Repeat each work after pauses, unless periodic work has been started."""

    @abstractmethod
    def end_periodic_work(self) -> None:
        """Have periodic work end."""

    @abstractmethod
    async def join_periodic_work(self) -> None:
        """Wait for its end, for a bounded time."""
