"""The calls in flight in a plugin of this process: a reload and a close must wait for them."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from weakref import ref

from scaffold._concurrency.forks import reset_after_fork
from scaffold.contract._errors.errors import ConnectFailed


class DispatchedCalls:
    """The calls of one hook that are running, for dispatchers that call several plugins at once.

    `+=` on a slot, or on a variable of an enclosing function, is one step for other threads: an
    interpreter with a global lock lets them in at calls and jumps only. A lock would cost more than
    the rest of a call; `docs/decisions/0012-counting-calls.md` has the reasons.
    """

    __slots__ = ("__weakref__", "over", "running")

    def __init__(self) -> None:
        self.running = 0
        self.over = False
        """True once the plugins are others; to be looked at after the call has been counted."""


@dataclass(frozen=True, slots=True)
class CallCounter:
    """A function that counts its own calls, as `InFlightCalls` sees it."""

    count: Callable[[], int]
    """Tells how many calls are in flight."""
    on_closed_changed: Callable[[int | None], None]
    """Makes the function read `InFlightCalls.shut` again, and set its count if it gets a number."""
    mark: object
    """A value that only the frames of this function have as their variable `invoke`."""


class InFlightCalls:
    """Counts the calls in flight, hook by hook."""

    def __init__(self) -> None:
        self._counts: dict[str, list[CallCounter]] = {}
        self._shared: dict[str, list[ref[DispatchedCalls]]] = {}
        self._closed = False
        self.inherited = False
        """True in a fork while the plugin is not set up there, if it needs to be."""
        reset_after_fork(self._count_in_a_fork)

    @property
    def shut(self) -> bool:
        """True while a call may not begin without asking the channel."""
        return self._closed or self.inherited

    @property
    def closed(self) -> bool:
        """True once no call may begin any more."""
        return self._closed

    @closed.setter
    def closed(self, closed: bool) -> None:
        self._closed = closed
        self.announce()

    def watch(self, hook: str, counter: CallCounter) -> None:
        """Use the count of a function that counts its own calls.

        The function must read its copy of `shut` after it has counted a call. Then a thread that
        sets `closed` and reads the count afterwards sees every call that continues.
        """
        self._counts.setdefault(hook, []).append(counter)

    def of(self, hook: str) -> DispatchedCalls:
        """Return a new counter for calls of a hook."""
        calls = DispatchedCalls()
        self.add(hook, calls)
        return calls

    def add(self, hook: str, calls: DispatchedCalls) -> None:
        """Use the counter of a function that calls several plugins, as long as it exists."""
        known = [one for one in self._shared.get(hook, ()) if one() is not None]
        self._shared[hook] = [*known, ref(calls)]

    def count(self) -> dict[str, int]:
        """Return how many calls are under way, for those hooks that have any."""
        found: dict[str, int] = {}
        for hook, counters in list(self._counts.items()):
            found[hook] = sum(counter.count() for counter in counters)
        for hook, known in list(self._shared.items()):
            alive = filter(None, (one() for one in known))
            found[hook] = found.get(hook, 0) + sum(shared.running for shared in alive)
        return {hook: count for hook, count in found.items() if count}

    def own(self) -> int:
        """Return how many of these calls are on the stack of this thread: they wait for it."""
        return sum(_on_stack("invoke", counter.mark) for counter in self._all_counters()) + sum(
            _on_stack("calls", shared) for shared in self._all_shared()
        )

    def is_idle(self, but: int = 0) -> bool:
        """Tell whether no call is in flight, or only as many as `but`."""
        return sum(self.count().values()) <= but

    def _all_counters(self) -> list[CallCounter]:
        return [one for counters in list(self._counts.values()) for one in counters]

    def _all_shared(self) -> list[DispatchedCalls]:
        known = [reference() for some in list(self._shared.values()) for reference in some]
        return [shared for shared in known if shared is not None]

    def announce(self) -> None:
        """Have all functions read `shut` again, after it has changed."""
        for counter in self._all_counters():
            counter.on_closed_changed(None)
        if self.inherited:
            for shared in self._all_shared():
                shared.over = True

    def _count_in_a_fork(self) -> None:
        """Forget the calls of other threads, which do not exist in a fork."""
        for counter in self._all_counters():
            counter.on_closed_changed(_on_stack("invoke", counter.mark))
        for shared in self._all_shared():
            shared.running = _on_stack("calls", shared)


def _on_stack(variable: str, value: object) -> int:
    """Count the frames of this thread in which a variable has this very value."""
    count = 0
    frame = inspect.currentframe()
    while frame is not None:
        names = frame.f_code.co_freevars + frame.f_code.co_varnames
        if variable in names and frame.f_locals.get(variable) is value:
            count += 1
        frame = frame.f_back
    return count


def channel_closed_error() -> ConnectFailed:
    """Return the error of a call that may not begin, or not go on, any more."""
    return ConnectFailed("the channel is closed")
