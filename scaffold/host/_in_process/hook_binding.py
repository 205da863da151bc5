"""Where a host's view of a hook meets a plugin's, in one process."""

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any, Generic, TypeVar, get_origin

from scaffold.contract._errors.errors import HookError, PluginError, UnsupportedHook
from scaffold.contract._errors.masking import mask_exception
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json.types import JsonObject
from scaffold.contract._payload.payload import Payload

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
