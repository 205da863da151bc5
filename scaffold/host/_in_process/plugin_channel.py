"""What the channels to a plugin in this process share, for threads and for event loops."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final

from pydantic_core import from_json
from typing_extensions import override

from scaffold._concurrency.forks import reset_after_fork
from scaffold.contract._errors.errors import PluginError, PluginLoadError, ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.function_catalog import FunctionCatalog
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._concurrency.time_limit import TimeLimitExceeded
from scaffold.host._in_process.in_flight import InFlightCalls
from scaffold.resources._scope import ResourceScope

CALLS_GRACE_PERIOD: Final = 5.0
"""Seconds for which a close waits for calls in flight."""

_inherited: Final[list[ResourceScope]] = []
"""What a parent process has lent. A fork keeps it alive: ending it would remove the parent's."""


class PluginChannel(ABC):
    """A plugin in this process, and the functions that call its hooks."""

    runtime: str = "in_process"

    def __init__(self, plugin: Plugin, name: str | None) -> None:
        self.plugin = plugin
        self.name = name or type(plugin).__name__
        self.in_flight = InFlightCalls()
        self.loan = ResourceScope()
        """What the plugin was lent; it is taken back after its teardown."""
        self._calls: dict[Hook[Any, Any], Callable[[Any], Any]] = {}
        self._catalogues: dict[str, FunctionCatalog] = {}
        self._ending = False
        reset_after_fork(self._inherit)

    @override
    def __repr__(self) -> str:
        kind, state = self.plugin.kind, "closed" if self.in_flight.closed else "open"
        return f"<{type(self).__name__} {self.name} ({kind.name} {kind.version}, {state})>"

    def _bound(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        call = self._calls.get(hook)
        if call is None:
            call = self._calls[hook] = self._guarded(hook)
        return call

    @abstractmethod
    def _guarded(self, hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Return a function that calls a hook and raises `HookError`."""

    def _learn_functions(self, listing: Hook[None, Any], functions: Any) -> FunctionCatalog:
        """Keep the functions that a plugin's listing hook has answered with."""
        catalogue = FunctionCatalog(from_json(listing.output.dump(functions)))
        self._catalogues[listing.name] = catalogue
        return catalogue

    @contextmanager
    def _setting_up_in_fork(self) -> Generator[None]:
        """Let calls begin in a fork after the plugin has been set up there."""
        try:
            yield
        except PLUGIN_EXCEPTIONS as error:
            if isinstance(error, ScaffoldError):
                raise error from error
            reason = f"setup in a forked process failed: {_reason(error)}"
            raise PluginLoadError(self.name, reason) from error
        self.in_flight.inherited = False
        self.in_flight.announce()

    def _teardown_error(self, error: BaseException) -> PluginError:
        return PluginError(self.name, f"teardown failed: {_reason(error)}")

    def _inherit(self) -> None:
        """Leave to the parent process what it has set up, lent and started."""
        _inherited.append(self.loan)
        self.loan = ResourceScope()
        self._ending = False
        names = ("setup", "teardown", "health", *self.plugin.kind.hooks)
        if any(iscoroutinefunction(getattr(type(self.plugin), name, None)) for name in names):
            self.in_flight.inherited = True
            self.in_flight.announce()


def _reason(error: BaseException) -> str:
    reason = str(error)
    return reason if isinstance(error, TimeLimitExceeded) else f"{type(error).__name__}: {reason}"


async def await_fully(answer: Any) -> Any:
    """Await what is awaitable.

    It is done again: what a thread hands back may be the coroutine of an `async def`.
    """
    while isawaitable(answer):
        answer = await answer
    return answer


def await_in_new_loop(answer: Awaitable[Any]) -> Any:
    """Await in an event loop of its own: the plugin's has been closed."""
    import asyncio

    return asyncio.run(await_fully(answer))


def leave_late_teardown() -> None:
    """Leave a teardown as it is whose time was up."""
