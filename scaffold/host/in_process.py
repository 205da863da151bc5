"""The in-process runtime: a hook call is a method call, with the guards of every other runtime.

Values of the plugin's own classes pass as they are, once their schema agrees; whatever is made for
somebody else's bindings of the same kind goes through JSON, as it would across a wire.
"""

import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack
from inspect import isawaitable
from typing import Any, Final, TypeVar

from pydantic_core import from_json

from scaffold.contract.catalogue import Catalogue
from scaffold.contract.errors import DeadlineExceeded, HookError, PluginError, ScaffoldError
from scaffold.contract.failure import FAILURES
from scaffold.contract.hook import Hook, StreamHook
from scaffold.contract.plugin import Plugin, PluginContext
from scaffold.host.flights import Flights, closed
from scaffold.host.joint import Direct, Joint, join
from scaffold.host.streams import opener, opener_async
from scaffold.host.threads import Late, LoopThread, in_thread, within
from scaffold.resources.loan import Loan

__all__ = ["AsyncInProcessChannel", "InProcessChannel"]

In = TypeVar("In")
Out = TypeVar("Out")

_TAKING_BACK: Final = 5.0
"""Seconds that it may take to close what a plugin was lent."""


class InProcessChannel:
    """Calls a plugin's methods; those that are `async def` run in an event loop of the channel."""

    runtime: str = "in_process"

    def __init__(self, plugin: Plugin, *, name: str | None = None) -> None:
        self.plugin = plugin
        self.name = name or type(plugin).__name__
        self.flights = Flights()
        self._bound: dict[Hook[Any, Any], Callable[[Any], Any]] = {}
        self.loan = Loan()
        """What the plugin was lent; it is taken back after its teardown."""
        self._loop = LoopThread(self.name)
        self._catalogues: dict[str, Catalogue] = {}
        self._teardown_within: float | None = None
        self._lock = threading.Lock()

    def setup(self, context: PluginContext, *, seconds: float, teardown_seconds: float) -> None:
        """Set the plugin up; raise what it raises, or `Late`. `close` tears it down."""
        if type(self.plugin).setup is not Plugin.setup:
            within(seconds, lambda: self.settle(self.plugin.setup(context)))
        self._teardown_within = teardown_seconds

    def check(self, seconds: float) -> None:
        """Ask the plugin how it is; raise what it raises, or `Late`."""
        if type(self.plugin).health is not Plugin.health:
            within(seconds, lambda: self.settle(self.plugin.health()))

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook` and raises `HookError`."""
        bound = self._bound.get(hook)
        if bound is None:
            bound = self._bound[hook] = self._guarded(hook)
        return bound

    def _guarded(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        joint = join(self.plugin, self.name, hook)
        invoke = joint.invoke
        if hook.functions is not None:
            invoke = self._held_to_catalogue(joint)
        if hook.timeout is not None:
            invoke = self._limited(invoke, hook.timeout)
        takes, admit, gives, finish = joint.takes, joint.admit, joint.gives, self._finishing(joint)
        fail = _failing(joint, hook)
        under_way, shut = 0, self.flights.closed

        def call(payload: In) -> Out:
            nonlocal under_way
            if type(payload) is not takes:
                payload = admit(payload)
            under_way += 1
            if shut:
                under_way -= 1
                raise closed()
            try:
                answer: Out = invoke(payload)
                return answer if type(answer) is gives else finish(answer)
            except HookError:
                raise
            except FAILURES as error:
                failure = fail(error)
                raise failure from failure.__cause__
            finally:
                under_way -= 1

        def gate() -> None:
            nonlocal shut
            shut = self.flights.closed

        self.flights.watch(hook.name, lambda: under_way, gate)
        return call

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract.streams`."""
        return opener(join(self.plugin, self.name, hook), hook, self.flights, self._loop)

    def direct(self, hook: Hook[Any, Any]) -> Direct | None:
        """Return the way to a hook without its guards, for who calls several plugins in one loop.

        There is none where the guards are more than a look at classes.
        """
        if hook.functions is not None or hook.timeout is not None:
            return None
        joint = join(self.plugin, self.name, hook)
        finish = self._finishing(joint)
        return Direct(joint.invoke, joint.takes, joint.gives, finish, joint.fail)

    def close(self) -> None:
        """Tear the plugin down if it was set up; calls are refused then. May be repeated."""
        self.flights.closed = True
        with self._lock:
            seconds, self._teardown_within = self._teardown_within, None
        try:
            with ExitStack() as ending:
                ending.callback(self._loop.close)
                ending.callback(lambda: self.settle(self.loan.end(), _TAKING_BACK))
                if seconds is not None and type(self.plugin).teardown is not Plugin.teardown:
                    within(seconds, lambda: self.settle(self.plugin.teardown()))
        except FAILURES as error:
            raise _teardown_failed(self.name, error) from error

    def _finishing(self, joint: Joint[Any, Out]) -> Callable[[Any], Out]:
        """Return what awaits, checks and converts answers that do not prove themselves."""
        return lambda answer: joint.accept(self.settle(answer))

    def settle(self, answer: Any, seconds: float | None = None) -> Any:
        """Wait in the plugin's event loop for what is awaitable; raise `Late` after the time."""
        return self._loop.run(answer, seconds) if isawaitable(answer) else answer

    def _limited(self, invoke: Callable[[Any], Any], seconds: float) -> Callable[[Any], Any]:
        """Bound a call: a coroutine is cancelled, a thread that is late is left to itself."""

        def limited(payload: Any) -> Any:
            deadline = time.monotonic() + seconds
            answer = within(seconds, lambda: invoke(payload))
            return self.settle(answer, max(0.0, deadline - time.monotonic()))

        return limited

    def _held_to_catalogue(self, joint: Joint[Any, Any]) -> Callable[[Any], Any]:
        hook, invoke = joint.own, joint.invoke
        listing = joint.catalogue_hook
        functions = self.bind(listing)

        def invoke_if_valid(payload: Any) -> Any:
            content = from_json(hook.input.dump(payload))
            catalogue = self._catalogues.get(listing.name)
            if catalogue is None or joint.function(content) not in catalogue.functions:
                catalogue = _catalogue(listing, functions(None))
                self._catalogues[listing.name] = catalogue
            catalogue.check(hook, content)
            return invoke(payload)

        return invoke_if_valid


class AsyncInProcessChannel:
    """Calls a plugin's methods from an event loop.

    Hooks that are plain functions run in the loop's own thread, unless the plugin says that they
    keep a processor busy.
    """

    runtime: str = "in_process"

    def __init__(
        self, plugin: Plugin, *, name: str | None = None, execution_model: str = "sync"
    ) -> None:
        self.plugin = plugin
        self.name = name or type(plugin).__name__
        self.flights = Flights()
        self._bound: dict[Hook[Any, Any], Callable[[Any], Any]] = {}
        self.loan = Loan()
        """What the plugin was lent; it is taken back after its teardown."""
        self._threaded = execution_model.endswith("_cpu_bound")
        self._catalogues: dict[str, Catalogue] = {}
        self._teardown_within: float | None = None

    async def setup(
        self, context: PluginContext, *, seconds: float, teardown_seconds: float
    ) -> None:
        """Set the plugin up; raise what it raises, or `Late`. `aclose` tears it down."""
        if type(self.plugin).setup is not Plugin.setup:
            await _bounded(seconds, lambda: self.plugin.setup(context))
        self._teardown_within = teardown_seconds

    async def check(self, seconds: float) -> None:
        """Ask the plugin how it is; raise what it raises, or `Late`."""
        if type(self.plugin).health is not Plugin.health:
            await _bounded(seconds, self.plugin.health)

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook` and raises `HookError`."""
        bound = self._bound.get(hook)
        if bound is None:
            bound = self._bound[hook] = self._guarded(hook)
        return bound

    def _guarded(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        joint = join(self.plugin, self.name, hook)
        invoke, fail = self._invoking(joint, hook), _failing(joint, hook)
        takes, admit, gives, accept = joint.takes, joint.admit, joint.gives, joint.accept
        under_way, shut = 0, self.flights.closed

        async def call(payload: In) -> Out:
            nonlocal under_way
            if type(payload) is not takes:
                payload = admit(payload)
            under_way += 1
            if shut:
                under_way -= 1
                raise closed()
            try:
                answer: Out = invoke(payload)
                return answer if type(answer) is gives else accept(await _settled(answer))
            except HookError:
                raise
            except FAILURES as error:
                failure = fail(error)
                raise failure from failure.__cause__
            finally:
                under_way -= 1

        def gate() -> None:
            nonlocal shut
            shut = self.flights.closed

        self.flights.watch(hook.name, lambda: under_way, gate)
        return call

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract.streams`."""
        joint = join(self.plugin, self.name, hook)
        return opener_async(joint, hook, self.flights, threaded=self._threaded)

    async def aclose(self) -> None:
        """Tear the plugin down if it was set up; calls are refused then. May be repeated."""
        self.flights.closed = True
        seconds, self._teardown_within = self._teardown_within, None
        try:
            try:
                if seconds is not None and type(self.plugin).teardown is not Plugin.teardown:
                    await _bounded(seconds, self.plugin.teardown)
            finally:
                await _settled(self.loan.end())
        except FAILURES as error:
            raise _teardown_failed(self.name, error) from error

    def _invoking(self, joint: Joint[Any, Any], hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Return the plugin's method, in a thread or within a time where it needs to be."""
        invoke = joint.invoke
        if self._threaded or hook.timeout is not None:
            invoke = _threaded(invoke)
        if hook.functions is not None:
            invoke = self._held_to_catalogue(joint, invoke)
        if hook.timeout is not None:
            invoke = _limited(invoke, hook.timeout)
        return invoke

    def _held_to_catalogue(
        self, joint: Joint[Any, Any], invoke: Callable[[Any], Any]
    ) -> Callable[[Any], Any]:
        hook = joint.own
        listing = joint.catalogue_hook
        functions = self.bind(listing)

        async def invoke_if_valid(payload: Any) -> Any:
            content = from_json(hook.input.dump(payload))
            catalogue = self._catalogues.get(listing.name)
            if catalogue is None or joint.function(content) not in catalogue.functions:
                catalogue = _catalogue(listing, await functions(None))
                self._catalogues[listing.name] = catalogue
            catalogue.check(hook, content)
            return await _settled(invoke(payload))

        return invoke_if_valid


def _catalogue(listing: Hook[None, Any], functions: Any) -> Catalogue:
    return Catalogue(from_json(listing.output.dump(functions)))


def _threaded(invoke: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda payload: in_thread(lambda: invoke(payload))


def _limited(invoke: Callable[[Any], Any], seconds: float) -> Callable[[Any], Awaitable[Any]]:
    import asyncio

    async def limited(payload: Any) -> Any:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await _settled(invoke(payload))
        except TimeoutError:
            if not limit.expired():  # the hook's own error
                raise
            raise Late(seconds) from None

    return limited


async def _settled(answer: Any) -> Any:
    # Twice: what a thread hands back may be the coroutine of an `async def` that it called.
    while isawaitable(answer):
        answer = await answer
    return answer


async def _bounded(seconds: float, work: Callable[[], Any]) -> None:
    import asyncio

    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await _settled(in_thread(work))
    except TimeoutError:
        if not limit.expired():  # the work's own error
            raise
        raise Late(seconds) from None


def _failing(
    joint: Joint[Any, Any], hook: Hook[Any, Any]
) -> Callable[[BaseException], ScaffoldError]:
    """Return what turns a failure into what the caller may know."""

    def failed(error: BaseException) -> ScaffoldError:
        if isinstance(error, Late):
            return DeadlineExceeded(f"{hook.name}: no answer within {hook.timeout:g} s")
        return joint.fail(error)

    return failed


def _teardown_failed(name: str, error: BaseException) -> PluginError:
    why = str(error) if isinstance(error, Late) else f"{type(error).__name__}: {error}"
    return PluginError(name, f"teardown failed: {why}")
