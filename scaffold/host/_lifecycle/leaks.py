"""What a plugin leaves in this process after its teardown (ADR-0001, leak detection)."""

import gc
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any, Final
from weakref import ref

from scaffold.contract._hooks.plugin import Plugin

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
