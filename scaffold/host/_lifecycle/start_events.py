"""What `Host` and `AsyncHost` share when they start, check and close a plugin."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from scaffold.contract._errors.errors import PluginError, ScaffoldError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._concurrency.time_limit import TimeLimitExceeded
from scaffold.host._loading.plugin_loader import describe_exception
from scaffold.host._registry.entries import Entry, LoadedPlugin, Status
from scaffold.manifest._missing_hooks import missing_hook_error
from scaffold.manifest._model import Manifest

CHECK_SECONDS: Final = 5.0
"""Seconds that a check of a plugin's health may take."""


@dataclass(frozen=True, slots=True)
class Started:
    """One plugin has been started, or could not be."""

    status: Status
    seconds: float
    """How long it took."""
    done: int
    """How many have been dealt with, this one included."""
    total: int


OnStarted: TypeAlias = Callable[[Started], None]


def check_client(manifest: Manifest, client: type[Plugin]) -> None:
    """Raise `PluginError` if a plugin is of another kind than the client that is asked for."""
    kind = client.kind
    if (kind.name, int(kind.version.partition(".")[0])) != (manifest.kind, manifest.major):
        raise PluginError(
            manifest.name,
            f"it is of kind {manifest.kind} {manifest.kind_api_version}, "
            f"and {client.__name__} is for {kind.name} {kind.version}",
        )


def start_error(name: str, error: BaseException) -> PluginError:
    """Return what is noted of a plugin that could not be started."""
    if isinstance(error, PluginError):
        return error
    told = str(error) if isinstance(error, ScaffoldError) else f"{type(error).__name__}: {error}"
    return PluginError(name, told)


def make_plugin(entry: Entry[Any]) -> Plugin | None:
    """Make a plugin that was registered as code; return `None` for others."""
    if entry.make is None:
        return None
    assert entry.manifest is not None
    try:
        return entry.make()
    except PluginError:
        raise
    except PLUGIN_EXCEPTIONS as error:
        what = f"'{entry.manifest.entry_point}' cannot be made: "
        raise PluginError(
            entry.name, what + describe_exception(error, entry.manifest.folder)
        ) from None


def find_probe_hook(loaded: LoadedPlugin[Any]) -> Hook[None, Any] | None:
    """Return a hook that can be called to see whether a plugin answers, if it has one."""
    hooks = loaded.kind.hooks.values()
    catalogues = {hook.functions.catalogue for hook in hooks if hook.functions}
    for hook in hooks:
        offered = hook.exposed or hook.name in catalogues
        asks_nothing = hook.read_only and hook.input.python_type is None and not hook.streams
        if asks_nothing and offered and missing_hook_error(loaded.entry_channel, hook) is None:
            return hook
    return None


def teardown_timed_out(error: BaseException) -> bool:
    """Tell whether a teardown has failed because it took too long: then something is left."""
    return isinstance(error.__cause__, TimeLimitExceeded)


def rebind_clients(clients: Iterable[Plugin], channel: object) -> None:
    """Have clients that callers hold go on through another channel: they are made again, in place.

    Raises `PluginError` if the plugin at its end lacks one of their hooks.
    """
    for client in list(clients):
        make_again: Any = vars(type(client)).get("__init__")
        make_again(client, channel)


def reload_timeout_error(name: str, calls: dict[str, int], seconds: float) -> PluginError:
    """Return the error of a reload that would have cut off calls."""
    under_way = ", ".join(f"{count} of '{hook}'" for hook, count in sorted(calls.items()))
    return PluginError(
        name,
        f"reload aborted after {seconds:g} s: calls still running: {under_way}; "
        "wait for them, or reload with cancel=True",
    )
