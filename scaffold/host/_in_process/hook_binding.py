"""Where a host's view of a hook meets a plugin's in one process, and what guards the method."""

from collections.abc import Callable
from types import NoneType
from typing import Any, Generic, TypeVar, get_origin

from scaffold.contract._errors.errors import (
    DeadlineExceeded,
    HookError,
    PluginError,
    ScaffoldError,
    UnsupportedHook,
)
from scaffold.contract._errors.masking import (
    PLUGIN_EXCEPTIONS,
    is_cancellation,
    is_requested,
    mask_exception,
)
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._payload.payload import Payload
from scaffold.host._concurrency.time_limit import TimeLimitExceeded, transport_failure

In = TypeVar("In")
Out = TypeVar("Out")


def _as_it_is(answer: Any) -> Any:
    return answer


class HookBinding(Generic[In, Out]):
    """A hook of a host, bound to the method of one plugin.

    Args:
        plugin: The plugin.
        name: Its name, for errors and its log.
        hook: The hook as the host has it.
        settle: Waits for an answer that is awaitable.

    Raises `PluginError` if the plugin's kind has no such hook.
    """

    __slots__ = ("_name", "_settle", "hook", "input_class", "invoke", "output_class", "own")

    def __init__(
        self,
        plugin: Plugin,
        name: str,
        hook: Hook[In, Out],
        settle: Callable[[Any], Any] = _as_it_is,
    ) -> None:
        own = plugin.kind.hooks.get(hook.name)
        if own is None:
            raise _missing_hook_error(plugin, name, hook)
        if own.streams != hook.streams:
            theirs, ours = "answers item by item", "answers in one piece"
            if hook.streams:
                theirs, ours = ours, theirs
            raise PluginError(name, f"its hook '{hook.name}' {theirs} and {ours} here")
        method = getattr(plugin, hook.name)
        self._name = name
        self._settle = settle
        self.hook = hook
        self.own: Hook[Any, Any] = own
        """The hook as the plugin's bindings have it."""
        self.invoke: Callable[[In], Any] = (
            method if own.input.python_type is not None else lambda _nothing: method()
        )
        """The plugin's method."""
        self.input_class: Any = _trusted(own.input)
        """Inputs of exactly this class need no validation."""
        self.output_class: Any = _trusted(hook.output)
        """Outputs of exactly this class need no validation."""

    def validate_input(self, value: In) -> In:
        """Check or convert an input that is not of the input class."""
        converted: In = self.own.input.convert(value, self.hook.input)
        return converted

    def validate_output(self, value: Any) -> Out:
        """Check or convert an output that is not of the output class."""
        return self.hook.output.convert(value, self.own.output)

    def finish(self, answer: Any) -> Out:
        """Wait for an answer that is not of the output class; check or convert it."""
        return self.validate_output(self._settle(answer))

    def mask(self, error: BaseException) -> HookError:
        """Turn what the plugin should not have raised into what the caller may know."""
        return mask_exception(error, plugin=self._name, hook=self.hook.name)

    def translate(self, error: BaseException) -> ScaffoldError:
        """Return what the caller may know of any failure.

        Raises again what is not a failure of the plugin: an interrupt, or a cancellation of the
        caller.
        """
        raise_unless_failure(error)
        if isinstance(error, TimeLimitExceeded):
            missing = "item" if self.hook.streams else "answer"
            reason = f"{self.hook.name}: no {missing} within {self.hook.timeout:g} s"
            return DeadlineExceeded(reason)
        return transport_failure(error) or self.mask(error)

    @property
    def catalogue_hook(self) -> Hook[None, Any]:
        """The plugin's hook that lists its functions."""
        assert self.own.functions is not None
        return self.own.kind.hooks[self.own.functions.catalogue]

    @property
    def function_key(self) -> str:
        """The key of payloads that names the function to call."""
        assert self.own.functions is not None
        return self.own.functions.name


def _missing_hook_error(plugin: Plugin, name: str, hook: Hook[Any, Any]) -> PluginError:
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


def raise_unless_failure(error: BaseException) -> None:
    """Raise an exception again unless a plugin that was called on this thread has failed with it.

    The thread is the caller's. So `KeyboardInterrupt`, other exceptions of signal handlers and a
    requested cancellation are the caller's, but a `CancelledError` that no caller asked for is not.
    """
    if isinstance(error, PLUGIN_EXCEPTIONS) or (is_cancellation(error) and not is_requested(error)):
        return
    raise error
