"""The in-process channel of a host for an event loop."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json
from typing_extensions import override

from scaffold._concurrency.forks import reset_after_fork
from scaffold.contract._errors.errors import HookError
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.function_catalog import FunctionCatalog
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.contract._hooks.plugin import Plugin, PluginContext
from scaffold.host._concurrency.finish_cancelled import finish
from scaffold.host._concurrency.thread_pool import Crew
from scaffold.host._concurrency.time_limit import Late, Leftovers, within_async
from scaffold.host._in_process.guards import (
    LANDING,
    await_alone,
    catalogue_of,
    failing,
    inherited,
    is_awaited,
    settled,
    setup_failed_in_fork,
    teardown_failed,
)
from scaffold.host._in_process.hook_binding import Joint, join
from scaffold.host._in_process.in_flight import Counter, Flights, closed
from scaffold.host._in_process.streams import opener_async
from scaffold.resources._scope import ResourceScope

if TYPE_CHECKING:
    import asyncio

__all__ = ["AsyncInProcessChannel"]

In = TypeVar("In")
Out = TypeVar("Out")


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
        self.loan = ResourceScope()
        """What the plugin was lent; it is taken back after its teardown."""
        self._threaded = execution_model.endswith("_cpu_bound")
        self._crew = Crew(f"plugin-{self.name}")
        self._catalogues: dict[str, FunctionCatalog] = {}
        self._set_up: Callable[[], Awaitable[None]] | None = None
        self._teardown_within: float | None = None
        self._ending = False
        self._entering: asyncio.Lock | None = None
        reset_after_fork(self._inherit)

    async def setup(
        self,
        context: Callable[[ResourceScope], PluginContext],
        *,
        seconds: float,
        teardown_seconds: float,
        leftovers: Leftovers | None = None,
    ) -> None:
        """Set the plugin up; `aclose` tears it down. See `InProcessChannel.setup`."""

        async def set_up() -> None:
            made = context(self.loan)
            if type(self.plugin).setup is not Plugin.setup:
                work = partial(self.plugin.setup, made)
                await _bounded(seconds, work, undo=self._tear_down_late, leftovers=leftovers)
            self._teardown_within = teardown_seconds

        self._set_up = set_up
        await set_up()

    @override
    def __repr__(self) -> str:
        kind, state = self.plugin.kind, "closed" if self.flights.closed else "open"
        return f"<AsyncInProcessChannel {self.name} ({kind.name} {kind.version}, {state})>"

    async def check(self, seconds: float) -> None:
        """Ask the plugin how it is; raise what it raises, or `Late`."""
        if type(self.plugin).health is not Plugin.health:
            await self._enter()
            await _bounded(seconds, self.plugin.health)

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook` and raises `HookError`."""
        bound = self._bound.get(hook)
        if bound is None:
            bound = self._bound[hook] = self._guarded(hook)
        return bound

    def _guarded(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        joint = join(self.plugin, self.name, hook)
        invoke, fail = self._invoking(joint, hook), failing(joint, hook)
        takes, admit, gives, accept = joint.takes, joint.admit, joint.gives, joint.accept
        enter, under_way, shut = self._enter, 0, self.flights.shut

        async def call(payload: In) -> Out:
            nonlocal under_way
            if type(payload) is not takes:
                payload = admit(payload)
            under_way += 1
            if shut:
                under_way -= 1
                await enter()
                return await call(payload)
            try:
                answer: Out = invoke(payload)
                return answer if type(answer) is gives else accept(await settled(answer))
            except HookError:
                raise
            except PLUGIN_EXCEPTIONS as error:
                failure = fail(error)
                raise failure from failure.__cause__
            finally:
                under_way -= 1

        def gate(count: int | None) -> None:
            nonlocal shut, under_way
            shut = self.flights.shut
            if count is not None:
                under_way = count

        self.flights.watch(hook.name, Counter(lambda: under_way, gate, invoke))
        return call

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.streams`."""
        joint = join(self.plugin, self.name, hook)
        crew = self._crew
        return opener_async(joint, hook, self.flights, crew, self._enter, threaded=self._threaded)

    async def aclose(self, *, landing: float = LANDING, but: int = 0) -> None:
        """Refuse new calls, wait for those in flight, and tear the plugin down if it was set up.

        May be repeated. A cancellation is raised after the teardown. See `InProcessChannel.close`.

        Args:
            landing: Seconds for which calls in flight are awaited.
            but: How many calls are not awaited: they wait for this, in another task.
        """
        self.flights.closed = True
        if self._ending:
            return
        self._ending = True
        try:
            await finish(self._end(landing, max(but, self.flights.own())))
        except PLUGIN_EXCEPTIONS as error:
            raise teardown_failed(self.name, error) from error

    async def _end(self, landing: float, own: int) -> None:
        await self.flights.landed_async(landing, but=own)
        self._crew.close()
        seconds, self._teardown_within = self._teardown_within, None
        try:
            if seconds is not None and type(self.plugin).teardown is not Plugin.teardown:
                await _bounded(seconds, self.plugin.teardown, undo=_nothing)
        finally:
            await settled(self.loan.end())

    def _tear_down_late(self) -> None:
        """Tear down a plugin whose `setup` has succeeded after it was given up."""
        answer = self.plugin.teardown()
        if answer is not None:
            await_alone(answer)

    async def _enter(self) -> None:
        """Let a call begin although the gate is shut: a fork sets the plugin up first.

        Raises `ConnectFailed` if the channel is closed, `PluginLoadError` if `setup` fails.
        """
        import asyncio

        if self.flights.closed:
            raise closed()
        if self._entering is None:
            self._entering = asyncio.Lock()
        async with self._entering:
            if not self.flights.inherited:
                return
            try:
                if self._set_up is not None:
                    await self._set_up()
            except PLUGIN_EXCEPTIONS as error:
                raise setup_failed_in_fork(self.name, error) from error
            self.flights.inherited = False

    def _inherit(self) -> None:
        """Leave to the parent process what it has set up, lent and started."""
        inherited.append(self.loan)
        self.loan = ResourceScope()
        self._ending = False
        self._entering = None
        self._teardown_within = None
        if is_awaited(self.plugin):
            self.flights.inherited = True

    def _invoking(self, joint: Joint[Any, Any], hook: Hook[Any, Any]) -> Callable[[Any], Any]:
        """Return the plugin's method, in a thread or within a time where it needs to be."""
        invoke = joint.invoke
        if self._threaded or hook.timeout is not None:
            invoke = self._in_crew(invoke)
        if hook.functions is not None:
            invoke = self._held_to_catalogue(joint, invoke)
        if hook.timeout is not None:
            invoke = _limited(invoke, hook.timeout)
        return invoke

    def _in_crew(self, invoke: Callable[[Any], Any]) -> Callable[[Any], Any]:
        result_of = self._crew.result_of
        return lambda payload: result_of(lambda: invoke(payload))

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
                catalogue = catalogue_of(listing, await functions(None))
                self._catalogues[listing.name] = catalogue
            catalogue.check(hook, content)
            return await settled(invoke(payload))

        return invoke_if_valid


def _limited(invoke: Callable[[Any], Any], seconds: float) -> Callable[[Any], Awaitable[Any]]:
    import asyncio

    async def limited(payload: Any) -> Any:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await settled(invoke(payload))
        except TimeoutError:
            if not limit.expired():  # the hook's own error
                raise
            raise Late(seconds) from None

    return limited


async def _bounded(
    seconds: float,
    work: Callable[[], Any],
    *,
    undo: Callable[[], object] | None = None,
    leftovers: Leftovers | None = None,
) -> None:
    """Do work of a plugin's lifecycle in the loop, or in a thread of its own if it is plain."""
    import asyncio

    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            if iscoroutinefunction(work):
                await work()
            else:
                await settled(await within_async(work, undo=undo, leftovers=leftovers))
    except TimeoutError:
        if not limit.expired():  # the work's own error
            raise
        raise Late(seconds) from None


def _nothing() -> None:
    """Leave a late teardown as it is."""
