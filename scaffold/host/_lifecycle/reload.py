"""One reload: the running instance of a plugin, the one that replaces it, and what is left behind.

What a plugin leaves in this process after its teardown is detected (ADR-0001, leak detection).
"""

import gc
import logging
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType, ModuleType, TracebackType
from typing import Any, Final, Generic, Self, TypeVar
from weakref import ref

from scaffold.contract._errors.errors import PluginError
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.host._in_process.async_channel import AsyncInProcessChannel
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.host._lifecycle.start_events import make_plugin
from scaffold.host._loading.plugin_loader import (
    fresh_import,
    has_module,
    load_plugin,
    restore_modules,
)
from scaffold.host._registry.entries import Claim, Entry, LoadedPlugin
from scaffold.host._runtimes.open_channel import runs_in_host
from scaffold.manifest._model import Manifest, Runtime, read_manifest

_MOST_HOLDERS: Final = 3
"""How many of those that hold an object are named."""


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What is left of a plugin that has been torn down; false if nothing is."""

    threads: tuple[str, ...] = ()
    """Names of threads that run its code."""
    tasks: tuple[str, ...] = ()
    """Names of the event loop's tasks that run its code."""
    objects: tuple[str, ...] = ()
    """The plugin itself, or its class, and what holds it."""

    def __bool__(self) -> bool:
        return bool(self.threads or self.tasks or self.objects)

    def __str__(self) -> str:
        named = (("thread", self.threads), ("task", self.tasks), ("", self.objects))
        return ", ".join(f"{word} {one}".strip() for word, found in named for one in found)


class LeakDetector:
    """Finds what is left of a plugin after its teardown; it keeps no part of the plugin alive.

    `modules` are its own modules, if its code is replaced as well.
    """

    def __init__(self, plugin: Plugin, modules: Mapping[str, ModuleType]) -> None:
        made = type(plugin)
        self._name = f"{made.__module__}.{made.__qualname__}"
        self._plugin = ref(plugin)
        self._class = ref(made) if modules else None
        self._modules = dict(modules)

    def look(self) -> LeakReport:
        """Look once; collects garbage, which takes its time."""
        scopes = {id(vars(module)) for module in self._modules.values()}
        threads, tasks = tuple(_threads(scopes)), tuple(_tasks(scopes))
        self._modules.clear()
        gc.collect()
        return LeakReport(threads, tasks, self._objects())

    def _objects(self) -> tuple[str, ...]:
        for what, seen in (("the plugin", self._plugin), ("the class", self._class)):
            held: object = seen() if seen is not None else None
            if held is not None:
                return (f"{what} {self._name}, held by {', '.join(_holders(held)) or 'a frame'}",)
        return ()


def _holders(held: object) -> Iterable[str]:
    found = [one for one in gc.get_referrers(held) if not isinstance(one, FrameType)]
    return sorted({_named(one) for one in found})[:_MOST_HOLDERS]


def _named(holder: Any) -> str:
    for name, module in list(sys.modules.items()):
        if holder is vars(module):
            return f"the module {name}"
    return f"a {type(holder).__name__}"


def _threads(scopes: set[int]) -> Iterator[str]:
    """Yield the names of the other threads in which a function of these modules is running."""
    frames: dict[int, FrameType] = vars(sys)["_current_frames"]()
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        while frame is not None and thread is not threading.current_thread():
            if id(frame.f_globals) in scopes:
                yield thread.name
                break
            frame = frame.f_back


def _tasks(scopes: set[int]) -> Iterator[str]:
    """Yield the names of the running loop's tasks that await a function of these modules."""
    asyncio = sys.modules.get("asyncio")
    try:
        tasks: Iterable[Any] = asyncio.all_tasks() if asyncio is not None else ()
    except RuntimeError:  # no loop is running here
        return
    for task in tasks:
        awaited = task.get_coro()
        while (frame := getattr(awaited, "cr_frame", None)) is not None:
            if id(frame.f_globals) in scopes:
                yield task.get_name()
                break
            awaited = awaited.cr_await


C = TypeVar("C", Channel, AsyncChannel)


class Reload(Generic[C]):
    """A plugin that is being reloaded, for a `with` statement; only then anything is changed.

    Making one reads the plugin's manifest, and raises `PluginError` if it cannot be reloaded.
    """

    def __init__(self, entry: Entry[C], claim: Claim) -> None:
        self.entry: Entry[C] = entry
        self.claim = claim
        self.before: LoadedPlugin[C] | None = entry.loaded
        self.manifest = _fresh(entry)
        self.plugin: Plugin | None = None
        """Made of the code as it is now, for the same process; `None` elsewhere."""
        self._modules: dict[str, ModuleType] = {}
        self._trail: LeakDetector | None = None

    def load(self, kind: Kind, runtime: Runtime) -> None:
        """Import the plugin's code again; if that fails, nothing has changed."""
        self.kind = kind
        self.runtime: Runtime = runtime
        if self.entry.make is not None:
            self.plugin = make_plugin(self.entry)
        elif runs_in_host(self.manifest, runtime):
            own = has_module(self.manifest.folder, self._module)
            with ExitStack() as stack:
                if own:
                    again = fresh_import(self.manifest.folder, self._module)
                    self._modules = stack.enter_context(again)
                self.plugin = load_plugin(self.manifest)
        channel = self.before.channel if self.before is not None else None
        if isinstance(channel, InProcessChannel | AsyncInProcessChannel):
            self._trail = LeakDetector(channel.plugin, self._modules)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._modules:
            restore_modules(self.manifest.folder, self._module, self._modules)

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(f"plugin.{self.entry.name}")

    @property
    def _module(self) -> str:
        return (self.manifest.entry_point or "").partition(":")[0]

    def report(self, error: PluginError) -> None:
        """Log that the plugin before could not be torn down; the fresh one is in use."""
        self._logger.warning("plugin=%s the one before: %s", self.entry.name, error.reason)

    def remains(self) -> LeakReport:
        """Return what is left of the plugin before, once it has been torn down, and log it."""
        self.before = self.claim.before = None
        self._modules.clear()
        found = self._trail.look() if self._trail is not None else LeakReport()
        if found:
            self._logger.warning("plugin=%s left behind: %s", self.entry.name, found)
        return found


def _fresh(entry: Entry[C]) -> Manifest:
    """Return the manifest to reload a plugin by, read again if it was read from a file."""
    manifest = entry.manifest
    assert manifest is not None
    if entry.once:
        raise PluginError(
            entry.name, "it was registered as an object; register its class to make it reloadable"
        )
    if entry.make is not None or not manifest.file.is_file():
        return manifest
    again = read_manifest(manifest.file)
    if again.name != entry.name:
        raise PluginError(entry.name, f"its manifest now calls it '{again.name}'")
    if (again.kind, again.major) != (manifest.kind, manifest.major):
        now = f"{again.kind} {again.kind_api_version}"
        raise PluginError(entry.name, f"its manifest now says that it is of kind {now}")
    return again
