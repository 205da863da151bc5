"""Where a host's view of a hook meets a plugin's in one process, and what guards the method."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable, iscoroutinefunction
from types import NoneType
from typing import Any, Final, Generic, TypeVar, get_origin

from pydantic_core import from_json

from scaffold.contract._errors.errors import (
    DeadlineExceeded,
    HookError,
    PluginError,
    PluginLoadError,
    ScaffoldError,
    UnsupportedHook,
)
from scaffold.contract._errors.masking import (
    PLUGIN_EXCEPTIONS,
    as_exception,
    is_cancellation,
    is_requested,
    mask_exception,
)
from scaffold.contract._hooks.function_catalog import FunctionCatalog
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json import JsonObject
from scaffold.contract._payload.payload import Payload
from scaffold.host._concurrency.time_limit import (
    AbandonedWork,
    TimeLimitExceeded,
    async_run_in_time,
    transport_failure,
)
from scaffold.resources._scope import ResourceScope

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class HookBinding(Generic[In, Out]):
    """What it takes to call one hook of one plugin."""

    own: Hook[Any, Any]
    """The hook as the plugin's bindings have it."""
    invoke: Callable[[In], Any]
    """The plugin's method."""
    input_class: Any
    """Inputs of exactly this class need no look."""
    validate_input: Callable[[In], In]
    """Check or convert any other input."""
    output_class: Any
    """Outputs of exactly this class need no look."""
    validate_output: Callable[[Any], Out]
    """Check or convert any other output."""
    fail: Callable[[BaseException], HookError]
    """Turn what the plugin should not have raised into what the caller may know."""

    @property
    def catalogue_hook(self) -> Hook[None, Any]:
        """The plugin's hook that lists its functions."""
        functions = self.own.functions
        assert functions is not None
        return self.own.kind.hooks[functions.catalogue]

    def function(self, content: JsonObject) -> str:
        """Return the name of the function that a payload, as JSON, calls."""
        functions = self.own.functions
        assert functions is not None
        return str(content[functions.name])


@dataclass(frozen=True, slots=True)
class UnguardedCall:
    """What it takes to call a hook of a plugin in this process without a guard of its own."""

    invoke: Callable[[Any], Any]
    """The plugin's method."""
    input_class: Any
    """The class of inputs that need no look."""
    output_class: Any
    """The class of answers that need no look."""
    finish: Callable[[Any], Any]
    """Await, check or convert any other answer."""
    fail: Callable[[BaseException], HookError]
    """Turn what the plugin should not have raised into what the caller may know."""


def bind_hook(plugin: Plugin, name: str, hook: Hook[In, Out]) -> HookBinding[In, Out]:
    """Bring the host's `hook` and the plugin's own together.

    Raises `PluginError` if the plugin's kind has no such hook.
    """
    own = plugin.kind.hooks.get(hook.name)
    if own is None:
        raise _without(plugin, name, hook)
    if own.streams != hook.streams:
        streams, answers = "answers item by item", "answers in one piece"
        says = f"{streams} and {answers} here" if own.streams else f"{answers} and {streams} here"
        raise PluginError(name, f"its hook '{hook.name}' {says}")
    method = getattr(plugin, hook.name)
    return HookBinding(
        own=own,
        invoke=method if own.input.python_type is not None else lambda _nothing: method(),
        input_class=_trusted(own.input),
        validate_input=lambda value: own.input.convert(value, hook.input),
        output_class=_trusted(hook.output),
        validate_output=lambda value: hook.output.convert(value, own.output),
        fail=lambda error: mask_exception(error, plugin=name, hook=hook.name),
    )


def _without(plugin: Plugin, name: str, hook: Hook[Any, Any]) -> PluginError:
    if plugin.kind.name == hook.kind.name and plugin.kind.version != hook.kind.version:
        return UnsupportedHook(name, hook.name, plugin.kind.version, hook.kind.version)
    theirs = f"{plugin.kind.name} {plugin.kind.version}"
    ours = f"{hook.kind.name} {hook.kind.version}"
    return PluginError(name, f"its kind {theirs} has no hook '{hook.name}', as {ours} has")


class _Untrusted:
    """The class of no value."""


def _trusted(payload: Payload[Any]) -> type:
    """Return the class whose instances are valid payloads because they exist."""
    if payload.python_type is None:
        return NoneType
    if (
        payload.exact
        or not isinstance(payload.python_type, type)
        or get_origin(payload.python_type) is not None
    ):
        return _Untrusted
    return payload.python_type


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


def limit_call(invoke: Callable[[Any], Any], seconds: float) -> Callable[[Any], Awaitable[Any]]:
    """Bound an awaited call by a time; raise `TimeLimitExceeded`."""
    import asyncio

    async def limited(payload: Any) -> Any:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await await_fully(invoke(payload))
        except TimeoutError:
            if not limit.expired():  # the hook's own error
                raise
            raise TimeLimitExceeded(seconds) from None

    return limited


async def do_in_time(
    seconds: float,
    work: Callable[[], Any],
    *,
    undo: Callable[[], object] | None = None,
    abandoned_work: AbandonedWork | None = None,
) -> None:
    """Do work of a plugin's lifecycle in the loop, or in a thread of its own if it is plain."""
    import asyncio

    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            try:
                if iscoroutinefunction(work):
                    await work()
                else:
                    await await_fully(
                        await async_run_in_time(work, undo=undo, abandoned_work=abandoned_work)
                    )
            except asyncio.CancelledError as error:
                if is_requested(error):
                    raise
                failure = as_exception(error)
                raise failure from failure.__cause__
    except TimeoutError:
        if not limit.expired():  # the work's own error
            raise
        raise TimeLimitExceeded(seconds) from None
