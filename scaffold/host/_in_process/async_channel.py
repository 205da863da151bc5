"""The in-process channel of a host for an event loop."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from scaffold._concurrency.finish_cancelled import run_to_completion
from scaffold._concurrency.unsupported import refuse_trio, running_loop
from scaffold.contract._errors.errors import HookError
from scaffold.contract._errors.masking import (
    ANY_EXCEPTION,
    PLUGIN_EXCEPTIONS,
    as_exception,
    is_requested,
)
from scaffold.contract._hooks.function_catalog import function_call_reader
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.contract._hooks.plugin import Plugin, PluginContext
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import (
    AbandonedWork,
    TimeLimitExceeded,
    async_run_in_time,
)
from scaffold.host._concurrency.waiting import async_wait_until
from scaffold.host._in_process.hook_binding import HookBinding
from scaffold.host._in_process.in_flight import CallCounter, channel_closed_error
from scaffold.host._in_process.plugin_channel import (
    CALLS_GRACE_PERIOD,
    PluginChannel,
    await_fully,
    await_in_new_loop,
    leave_late_teardown,
)
from scaffold.host._in_process.streams import async_stream_opener
from scaffold.manifest._model import Manifest
from scaffold.resources._scope import ResourceScope

if TYPE_CHECKING:
    import asyncio

In = TypeVar("In")
Out = TypeVar("Out")


class AsyncInProcessChannel(PluginChannel):
    """Calls a plugin's methods from an event loop.

    Hooks that are plain functions run in the loop's own thread, unless the plugin says that they
    keep a processor busy.
    """

    def __init__(
        self, plugin: Plugin, *, name: str | None = None, execution_model: str = "sync"
    ) -> None:
        super().__init__(plugin, name)
        self._threaded = execution_model.endswith("_cpu_bound")
        self._threads = ThreadPool(f"plugin-{self.name}")
        self._set_up: Callable[[], Awaitable[None]] | None = None
        self._teardown_within: float | None = None
        self._entering: asyncio.Lock | None = None

    async def setup(
        self,
        context: Callable[[ResourceScope], PluginContext],
        manifest: Manifest,
        abandoned_work: AbandonedWork,
    ) -> None:
        """Set the plugin up; `aclose` tears it down. See `InProcessChannel.setup`."""
        running_loop()
        seconds, teardown_seconds = manifest.startup_timeout_sec, manifest.teardown_timeout_sec

        async def set_up() -> None:
            made = context(self.loan)
            if type(self.plugin).setup is not Plugin.setup:
                work = partial(self.plugin.setup, made)
                await _do_in_time(
                    seconds, work, undo=self._tear_down_late, abandoned_work=abandoned_work
                )
            self._teardown_within = teardown_seconds

        self._set_up = set_up
        await set_up()

    async def check(self, seconds: float) -> None:
        """Ask the plugin how it is; raise what it raises, or `TimeLimitExceeded`."""
        if type(self.plugin).health is not Plugin.health:
            await self._enter()
            await _do_in_time(seconds, self.plugin.health)

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        """Return the function that calls `hook` and raises `HookError`."""
        return self._bound(hook)

    @override
    def _guarded(self, hook: Hook[In, Out]) -> Callable[[In], Awaitable[Out]]:
        refuse_trio()
        binding = HookBinding(self.plugin, self.name, hook)
        invoke, fail = self._invoking(binding, hook), binding.translate
        input_class, validate_input = binding.input_class, binding.validate_input
        output_class, validate_output = binding.output_class, binding.validate_output
        enter, running, shut = self._enter, 0, self.in_flight.shut

        async def call(payload: In) -> Out:
            nonlocal running
            if type(payload) is not input_class:
                payload = validate_input(payload)
            running += 1
            if shut:
                running -= 1
                await enter()
                return await call(payload)
            try:
                answer: Out = invoke(payload)
                return (
                    answer
                    if type(answer) is output_class
                    else validate_output(await await_fully(answer))
                )
            except HookError:
                raise
            except ANY_EXCEPTION as error:
                failure = fail(error)
                raise failure from failure.__cause__
            finally:
                running -= 1

        def on_closed_changed(count: int | None) -> None:
            nonlocal shut, running
            shut = self.in_flight.shut
            if count is not None:
                running = count

        self.in_flight.watch(hook.name, CallCounter(lambda: running, on_closed_changed, invoke))
        return call

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], AsyncGenerator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.channel`."""
        refuse_trio()
        threads = self._threads if self._threaded or hook.timeout is not None else None
        binding = HookBinding(self.plugin, self.name, hook)
        return async_stream_opener(binding, self.in_flight, threads, self._enter)

    async def aclose(self, *, landing: float = CALLS_GRACE_PERIOD, but: int = 0) -> None:
        """Refuse new calls, wait for those in flight, and tear the plugin down if it was set up.

        May be repeated. A cancellation is raised after the teardown. See `InProcessChannel.close`.

        Args:
            landing: Seconds for which calls in flight are awaited.
            but: How many calls are not awaited: they wait for this, in another task.
        """
        running_loop()
        self.in_flight.closed = True
        if self._ending:
            return
        self._ending = True
        try:
            await run_to_completion(self._end(landing, max(but, self.in_flight.own())))
        except PLUGIN_EXCEPTIONS as error:
            raise self._teardown_error(error) from error

    async def _end(self, landing: float, own: int) -> None:
        await async_wait_until(lambda: self.in_flight.is_idle(own), landing)
        self._threads.close()
        seconds, self._teardown_within = self._teardown_within, None
        try:
            if seconds is not None and type(self.plugin).teardown is not Plugin.teardown:
                await _do_in_time(seconds, self.plugin.teardown, undo=leave_late_teardown)
        finally:
            await await_fully(self.loan.end())

    def _tear_down_late(self) -> None:
        """Tear down a plugin whose `setup` has succeeded after it was given up."""
        answer = self.plugin.teardown()
        if answer is not None:
            await_in_new_loop(answer)

    async def _enter(self) -> None:
        """Let a call begin although the on_closed_changed is shut: a fork sets the plugin up first.

        Raises `ConnectFailed` if the channel is closed, `PluginLoadError` if `setup` fails.
        """
        import asyncio

        if self.in_flight.closed:
            raise channel_closed_error()
        if self._entering is None:
            self._entering = asyncio.Lock()
        async with self._entering:
            if not self.in_flight.inherited:
                return
            with self._setting_up_in_fork():
                if self._set_up is not None:
                    await self._set_up()

    @override
    def _inherit(self) -> None:
        super()._inherit()
        self._entering = None
        self._teardown_within = None

    def _invoking(
        self, binding: HookBinding[Any, Any], hook: Hook[Any, Any]
    ) -> Callable[[Any], Any]:
        """Return the plugin's method, in a thread or within a time where it needs to be."""
        invoke = binding.invoke
        if self._threaded or hook.timeout is not None:
            invoke = self._in_crew(invoke)
        if hook.functions is not None:
            invoke = self._held_to_catalogue(binding, invoke)
        if hook.timeout is not None:
            invoke = _limited(invoke, hook.timeout)
        return invoke

    def _in_crew(self, invoke: Callable[[Any], Any]) -> Callable[[Any], Any]:
        result_of = self._threads.result_of
        return lambda payload: result_of(lambda: invoke(payload))

    def _held_to_catalogue(
        self, binding: HookBinding[Any, Any], invoke: Callable[[Any], Any]
    ) -> Callable[[Any], Any]:
        hook = binding.own
        name, listing = binding.function_key, binding.catalogue_hook
        read_call = function_call_reader(hook)
        functions = self.bind(listing)

        async def invoke_if_valid(payload: Any) -> Any:
            content = read_call(payload)
            catalogue = self._catalogues.get(listing.name)
            if catalogue is None or str(content[name]) not in catalogue.functions:
                catalogue = self._learn_functions(listing, await functions(None))
            catalogue.check(hook, content)
            return await await_fully(invoke(payload))

        return invoke_if_valid


def _limited(invoke: Callable[[Any], Any], seconds: float) -> Callable[[Any], Awaitable[Any]]:
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


async def _do_in_time(
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
