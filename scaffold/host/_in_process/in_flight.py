"""The calls in flight in a plugin of this process: a reload and a close must wait for them."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from weakref import ref

from scaffold._concurrency.forks import reset_after_fork
from scaffold.contract._errors.errors import ConnectFailed
from scaffold.host._concurrency.polling import until, until_async

__all__ = ["Calls", "Counter", "Flights", "closed"]


class Calls:
    """The calls of one hook that are under way, for who calls several plugins at once.

    `+=` on a slot, or on a variable of an enclosing function, is one step for other threads: an
    interpreter with a global lock lets them in at calls and jumps only. A lock would cost more than
    the rest of a call; `docs/decisions/0012-counting-calls.md` has the reasons.
    """

    __slots__ = ("__weakref__", "over", "under_way")

    def __init__(self) -> None:
        self.under_way = 0
        self.over = False
        """True once the plugins are others; to be looked at after the call has been counted."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A function that counts its own calls, as `Flights` sees it."""

    count: Callable[[], int]
    """Tells how many calls are in flight."""
    gate: Callable[[int | None], None]
    """Has the function look at `Flights.shut` again, and set its count if there is an argument."""
    mark: object
    """A value that only the frames of this function have as their variable `invoke`."""


class Flights:
    """Counts the calls in flight, hook by hook."""

    def __init__(self) -> None:
        self._counts: dict[str, list[Counter]] = {}
        self._shared: dict[str, list[ref[Calls]]] = {}
        self._closed = False
        self._inherited = False
        reset_after_fork(self._count_in_a_fork)

    @property
    def shut(self) -> bool:
        """True while a call may not begin without asking the channel."""
        return self._closed or self._inherited

    @property
    def closed(self) -> bool:
        """True once no call may begin any more."""
        return self._closed

    @closed.setter
    def closed(self, closed: bool) -> None:
        self._closed = closed
        self._turn_gates()

    @property
    def inherited(self) -> bool:
        """True in a fork while the plugin is not set up there, if it needs to be."""
        return self._inherited

    @inherited.setter
    def inherited(self, inherited: bool) -> None:
        self._inherited = inherited
        self._turn_gates()

    def watch(self, hook: str, counter: Counter) -> None:
        """Use the count of a function that counts its own calls.

        The function must look at its gate after it has counted a call. Then a thread that closes
        the gate and looks at the count afterwards has seen every call that goes on.
        """
        self._counts.setdefault(hook, []).append(counter)

    def of(self, hook: str) -> Calls:
        """Return a new counter for calls of a hook."""
        calls = Calls()
        self.add(hook, calls)
        return calls

    def add(self, hook: str, calls: Calls) -> None:
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
            found[hook] = found.get(hook, 0) + sum(shared.under_way for shared in alive)
        return {hook: count for hook, count in found.items() if count}

    def own(self) -> int:
        """Return how many of these calls are on the stack of this thread: they wait for it."""
        return sum(_on_stack("invoke", counter.mark) for counter in self._all_counters()) + sum(
            _on_stack("calls", shared) for shared in self._all_shared()
        )

    def landed(self, seconds: float, *, but: int = 0) -> bool:
        """Wait until no call is in flight, or only as many as `but`.

        Returns False if more are when time is up.
        """
        return until(lambda: self._in_flight() <= but, seconds)

    async def landed_async(self, seconds: float, *, but: int = 0) -> bool:
        """Wait as `landed` does, and let the event loop run meanwhile."""
        return await until_async(lambda: self._in_flight() <= but, seconds)

    def _in_flight(self) -> int:
        return sum(self.count().values())

    def _all_counters(self) -> list[Counter]:
        return [one for counters in list(self._counts.values()) for one in counters]

    def _all_shared(self) -> list[Calls]:
        known = [reference() for some in list(self._shared.values()) for reference in some]
        return [shared for shared in known if shared is not None]

    def _turn_gates(self) -> None:
        for counter in self._all_counters():
            counter.gate(None)
        if self._inherited:
            for shared in self._all_shared():
                shared.over = True

    def _count_in_a_fork(self) -> None:
        """Forget the calls of other threads, which do not exist in a fork."""
        for counter in self._all_counters():
            counter.gate(_on_stack("invoke", counter.mark))
        for shared in self._all_shared():
            shared.under_way = _on_stack("calls", shared)


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


def closed() -> ConnectFailed:
    """Return the error of a call that may not begin, or not go on, any more."""
    return ConnectFailed("the channel is closed")
