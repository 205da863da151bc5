"""The in-process channel of a host that blocks."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from functools import partial
from inspect import isawaitable
from typing import Any, Final, TypeVar

from typing_extensions import override

from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.contract._errors.errors import HookError, PluginError
from scaffold.contract._errors.masking import ANY_EXCEPTION, PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.function_catalog import function_call_reader
from scaffold.contract._hooks.hook import Hook, StreamHook
from scaffold.contract._hooks.plugin import Plugin, PluginContext
from scaffold.host._concurrency.loop_thread import LoopThread
from scaffold.host._concurrency.thread_pool import ThreadPool
from scaffold.host._concurrency.time_limit import AbandonedWork, run_in_time
from scaffold.host._concurrency.waiting import wait_until
from scaffold.host._in_process.hook_binding import HookBinding
from scaffold.host._in_process.in_flight import CallCounter, channel_closed_error
from scaffold.host._in_process.plugin_channel import (
    CALLS_GRACE_PERIOD,
    PluginChannel,
    await_in_new_loop,
    leave_late_teardown,
)
from scaffold.host._in_process.streams import stream_opener
from scaffold.manifest._model import Manifest
from scaffold.resources._scope import ResourceScope

In = TypeVar("In")
Out = TypeVar("Out")

_RESOURCE_GRACE_PERIOD: Final = 5.0
"""Seconds that it may take to close what a plugin was lent."""


class InProcessChannel(PluginChannel):
    """Calls a plugin's methods; those that are `async def` run in an event loop of the channel."""

    def __init__(self, plugin: Plugin, *, name: str | None = None) -> None:
        super().__init__(plugin, name)
        self._loop = LoopThread(self.name)
        self._threads = ThreadPool(f"plugin-{self.name}")
        """For calls with a timeout."""
        self._set_up: Callable[[], None] | None = None
        self._teardown_due: list[float] = []
        """How long the teardown may take; empty if there is none to make, or once it has begun."""
        self._lock = reentrant_lock(Rank.CHANNEL)

    def setup(
        self,
        context: Callable[[ResourceScope], PluginContext],
        manifest: Manifest,
        abandoned_work: AbandonedWork,
    ) -> None:
        """Set the plugin up; `close` tears it down.

        Args:
            context: Makes the plugin's context from what the plugin is lent.
            manifest: Tells how long `setup` and `teardown` may take.
            abandoned_work: Where the thread of a `setup` that is late is noted.

        Raises what `context` and the plugin raise, or `TimeLimitExceeded`. A `setup` that succeeds
        after that is torn down at once.
        """
        seconds, teardown_seconds = manifest.startup_timeout_sec, manifest.teardown_timeout_sec

        def set_up() -> None:
            made = context(self.loan)

            def work() -> None:
                self.settle(self.plugin.setup(made))
                self._teardown_due.append(teardown_seconds)

            if type(self.plugin).setup is Plugin.setup:
                self._teardown_due.append(teardown_seconds)
            else:
                run_in_time(seconds, work, undo=self._tear_down_late, abandoned_work=abandoned_work)

        self._set_up = set_up
        set_up()

    def check(self, seconds: float) -> None:
        """Ask the plugin how it is; raise what it raises, or `TimeLimitExceeded`."""
        if type(self.plugin).health is not Plugin.health:
            self._enter()
            run_in_time(seconds, lambda: self.settle(self.plugin.health()))

    def bind(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        """Return the function that calls `hook` and raises `HookError`."""
        return self._bound(hook)

    @override
    def _guarded(self, hook: Hook[In, Out]) -> Callable[[In], Out]:
        binding = self._binding(hook)
        invoke = binding.invoke
        if hook.functions is not None:
            invoke = self._held_to_catalogue(binding)
        if hook.timeout is not None:
            invoke = self._limited(invoke, hook.timeout)
        # A closure, because it wins: a method of an object with slots takes 5 % more instructions.
        input_class, output_class = binding.input_class, binding.output_class
        validate_input, finish, fail = binding.validate_input, binding.finish, binding.translate
        enter, running, shut = self._enter, 0, self.in_flight.shut

        def call(payload: In) -> Out:
            nonlocal running
            if type(payload) is not input_class:
                payload = validate_input(payload)
            running += 1
            if shut:
                running -= 1
                enter()
                return call(payload)
            try:
                answer: Out = invoke(payload)
                return answer if type(answer) is output_class else finish(answer)
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

    def stream(self, hook: StreamHook[In, Out]) -> Callable[[In], Generator[Out]]:
        """Return the function that opens a stream; see `scaffold.contract._hooks.channel`."""
        return stream_opener(self._binding(hook), self.in_flight, self._loop, self._enter)

    def direct(self, hook: Hook[Any, Any]) -> HookBinding[Any, Any] | None:
        """Return a hook to be called without its guards, for a loop over several plugins.

        There is none where the guards are more than a look at classes.
        """
        guarded = hook.functions is not None or hook.timeout is not None
        return None if guarded else self._binding(hook)

    def _binding(self, hook: Hook[In, Out]) -> HookBinding[In, Out]:
        return HookBinding(self.plugin, self.name, hook, self.settle)

    def refuse_own_loop(self) -> None:
        """Raise `PluginError` in the plugin's event loop, which cannot wait for its own end."""
        if self._loop.is_current:
            reason = (
                "one of its async hooks closes or reloads it, and would wait for its own end; "
                "do that in another thread"
            )
            raise PluginError(self.name, reason)

    def close(self, *, landing: float = CALLS_GRACE_PERIOD) -> None:
        """Refuse new calls, wait for those in flight, and tear the plugin down if it was set up.

        May be repeated. A fork tears down only what it has set up itself.

        Args:
            landing: Seconds for which calls in flight are awaited. Those of the plugin's event loop
                are cancelled then.

        Raises `PluginError` if the teardown fails, or in an async hook of the plugin.
        """
        self.refuse_own_loop()
        self.in_flight.closed = True
        mine = False
        try:
            with self._lock:
                if self._ending:
                    return
                mine = self._ending = True
            self._end(landing)
        except PLUGIN_EXCEPTIONS as error:
            raise self._teardown_error(error) from error
        except BaseException:
            if mine:
                self._ending = False  # the next close goes on
            raise

    def _end(self, landing: float) -> None:
        own = self.in_flight.own()
        wait_until(lambda: self.in_flight.is_idle(own), landing)
        self._threads.close()
        self._loop.end_calls()
        with ExitStack() as ending:
            ending.callback(self._loop.close)
            ending.callback(lambda: self.settle(self.loan.end(), _RESOURCE_GRACE_PERIOD, last=True))
            try:
                self._tear_down_in_time()
            finally:
                self._tear_down_in_time()  # an interruption may have kept it from beginning

    def _tear_down_in_time(self) -> None:
        if self._teardown_due and type(self.plugin).teardown is not Plugin.teardown:
            run_in_time(self._teardown_due[0], self._tear_down, undo=leave_late_teardown)

    def _tear_down(self) -> None:
        if self._begins_teardown():
            self.settle(self.plugin.teardown(), last=True)

    def _begins_teardown(self) -> bool:
        """Return True for the one thread that must make the teardown."""
        try:
            self._teardown_due.pop()
        except IndexError:
            return False
        return True

    def _tear_down_late(self) -> None:
        """Tear down a plugin whose `setup` has succeeded after it was given up."""
        if not self._begins_teardown():
            return
        answer = self.plugin.teardown()
        if not isawaitable(answer):
            return
        if self._ending:
            await_in_new_loop(answer)
        else:
            self.settle(answer, last=True)

    def _enter(self) -> None:
        """Let a call begin although the on_closed_changed is shut: a fork sets the plugin up first.

        Raises `ConnectFailed` if the channel is closed, `PluginLoadError` if `setup` fails.
        """
        if self.in_flight.closed:
            raise channel_closed_error()
        with self._lock:
            if not self.in_flight.inherited:
                return
            with self._setting_up_in_fork():
                if self._set_up is not None:
                    self._set_up()

    @override
    def _inherit(self) -> None:
        super()._inherit()
        self._lock = reentrant_lock(Rank.CHANNEL)
        self._teardown_due = []

    def settle(self, answer: Any, seconds: float | None = None, *, last: bool = False) -> Any:
        """Wait in the plugin's event loop for what is awaitable.

        Raises as `LoopThread.run` does.
        """
        return self._loop.run(answer, seconds, last=last) if isawaitable(answer) else answer

    def _limited(self, invoke: Callable[[Any], Any], seconds: float) -> Callable[[Any], Any]:
        """Bound a call: a coroutine is cancelled, a thread that is late is left to itself."""
        run = self._threads.run_in_time

        def limited(payload: Any) -> Any:
            deadline = time.monotonic() + seconds
            answer = run(seconds, partial(invoke, payload))
            return self.settle(answer, max(0.0, deadline - time.monotonic()))

        return limited

    def _held_to_catalogue(self, binding: HookBinding[Any, Any]) -> Callable[[Any], Any]:
        hook, invoke = binding.own, binding.invoke
        name, listing = binding.function_key, binding.catalogue_hook
        read_call = function_call_reader(hook)
        functions = self.bind(listing)

        def invoke_if_valid(payload: Any) -> Any:
            content = read_call(payload)
            catalogue = self._catalogues.get(listing.name)
            if catalogue is None or str(content[name]) not in catalogue.functions:
                catalogue = self._learn_functions(listing, functions(None))
            catalogue.check(hook, content)
            return invoke(payload)

        return invoke_if_valid
