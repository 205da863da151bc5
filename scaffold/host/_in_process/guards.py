"""What both in-process channels put around a plugin's hooks and lifecycle."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final

from pydantic_core import from_json

from scaffold.contract._errors.errors import (
    DeadlineExceeded,
    PluginError,
    PluginLoadError,
    ScaffoldError,
)
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS, is_cancellation, is_requested
from scaffold.contract._hooks.function_catalog import FunctionCatalog
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._concurrency.time_limit import TimeLimitExceeded, transport_failure
from scaffold.host._in_process.hook_binding import HookBinding
from scaffold.resources._scope import ResourceScope

CALLS_GRACE_PERIOD: Final = 5.0
"""Seconds for which a close waits for calls in flight."""
RESOURCE_GRACE_PERIOD: Final = 5.0
"""Seconds that it may take to close what a plugin was lent."""

inherited: Final[list[ResourceScope]] = []
"""What a parent process has lent. A fork keeps it alive: ending it would remove the parent's."""


def failure_translator(
    binding: HookBinding[Any, Any], hook: Hook[Any, Any]
) -> Callable[[BaseException], ScaffoldError]:
    """Return what turns a failure into what the caller may know.

    It raises again what is not a failure of the plugin: an interrupt, or a cancellation of the
    caller.
    """

    def failed(error: BaseException) -> ScaffoldError:
        raise_unless_failure(error)
        if isinstance(error, TimeLimitExceeded):
            return DeadlineExceeded(f"{hook.name}: no answer within {hook.timeout:g} s")
        return transport_failure(error) or binding.fail(error)

    return failed


def raise_unless_failure(error: BaseException) -> None:
    """Raise an exception again unless a plugin that was called on this thread has failed with it.

    The thread is the caller's. So `KeyboardInterrupt`, other exceptions of signal handlers and a
    requested cancellation are the caller's, but a `CancelledError` that no caller asked for is not.
    """
    if isinstance(error, PLUGIN_EXCEPTIONS) or (is_cancellation(error) and not is_requested(error)):
        return
    raise error


def teardown_error(name: str, error: BaseException) -> PluginError:
    """Return the error of a plugin that could not be torn down."""
    why = str(error) if isinstance(error, TimeLimitExceeded) else f"{type(error).__name__}: {error}"
    return PluginError(name, f"teardown failed: {why}")


def fork_setup_error(name: str, error: BaseException) -> ScaffoldError:
    """Return the error of a call in a fork in which the plugin could not be set up."""
    if isinstance(error, ScaffoldError):
        return error
    why = str(error) if isinstance(error, TimeLimitExceeded) else f"{type(error).__name__}: {error}"
    return PluginLoadError(name, f"setup in a forked process failed: {why}")


def catalogue_of(listing: Hook[None, Any], functions: Any) -> FunctionCatalog:
    """Return the catalogue that a plugin's listing hook has answered with."""
    return FunctionCatalog(from_json(listing.output.dump(functions)))


def has_async_methods(plugin: Plugin) -> bool:
    """Tell whether a plugin has anything that runs in an event loop."""
    names = ("setup", "teardown", "health", *plugin.kind.hooks)
    return any(iscoroutinefunction(getattr(type(plugin), name, None)) for name in names)


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
