"""Checks of the data that a plugin returns: payloads and progress."""

import math
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from scaffold.contract._context.call_context import reporting_to
from scaffold.contract._errors.errors import HookError, InvalidInput, InvalidOutput
from scaffold.contract._hooks.channel import Channel, bind_any_hook
from scaffold.contract._hooks.hook import Dispatch, Hook
from scaffold.contract._json import is_array, is_object
from scaffold.host._in_process.channel import InProcessChannel
from scaffold.testing._checks.check import Finding
from scaffold.testing._plugin.plugin_under_test import NotApplicable, PluginUnderTest, call_as_json
from scaffold.testing._plugin.runtimes import canonical_json
from scaffold.testing._plugin.sample_calls import SampleCall


def json_boundaries(subject: PluginUnderTest) -> Iterator[Finding]:
    """Check the values that hooks return, before and after a round trip through JSON."""
    if subject.in_process_only:
        yield from _chains_that_stay(subject)
        return
    with subject.opened("in_process") as channel:
        if not isinstance(channel, InProcessChannel):
            raise NotApplicable("it runs in a process of its own: its values are JSON already")
        own = channel.plugin.kind.hooks
        reported_hooks: set[str] = set()
        for case in subject.valid_calls:
            if case.hook not in reported_hooks:
                for message, help_text in _round_trip_faults(channel, own[case.hook], case):
                    reported_hooks.add(case.hook)
                    yield Finding(subject.place(case.hook), f"{case.hook}: {message}", help_text)


def _chains_that_stay(subject: PluginUnderTest) -> Iterator[Finding]:
    chains = [one for one in subject.kind.hooks.values() if one.dispatch is Dispatch.CHAIN]
    if not chains:
        raise NotApplicable("it is for use in process only: exempt from invariant 2")
    for hook in chains:
        message = f"'{hook.name}' is a chain, whose stages may be anywhere, and is kept in process"
        yield Finding(subject.place(hook.name), message, "drop in_process_only from the manifest")


def _round_trip_faults(
    channel: Channel, hook: Hook[Any, Any], case: SampleCall
) -> Iterator[tuple[str, str]]:
    payload = hook.input.load(canonical_json({} if case.payload is None else case.payload))
    try:
        answered = bind_any_hook(channel, hook)(payload)
    except InvalidOutput as error:
        yield (
            f"its output breaks the schema: {error.problems[0]}",
            "return a value that the schema allows",
        )
        return
    except HookError:
        return
    for value in answered if hook.streams else (answered,):
        yield from _value_faults(hook, value)


def _value_faults(hook: Hook[Any, Any], value: Any) -> Iterator[tuple[str, str]]:
    plain = value.model_dump(by_alias=True, exclude_unset=True) if _is_model(value) else value
    for path, item in _not_json(plain, ""):
        kind = type(item).__name__
        yield (
            f"its output holds a {kind} at '{path}', which is not a JSON value",
            "write dates as ISO 8601 text, sets as lists, exact numbers and ids as text",
        )
        return
    written = hook.output.dump(value)
    if hook.output.dump(hook.output.load(written)) != written:
        yield "its output changes in a round trip through JSON", "return plain values"
    if hook.dispatch is Dispatch.CHAIN:
        try:
            hook.input.load(written)
        except InvalidInput as error:
            yield (
                f"its output is not a valid input for the next plugin: {error.problems[0]}",
                "return a valid input of the same hook",
            )


def _is_model(value: object) -> bool:
    return isinstance(value, BaseModel)


def _not_json(value: Any, path: str) -> Iterator[tuple[str, object]]:
    """Yield the parts that are not JSON values, each with its JSON Pointer."""
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True, exclude_unset=True)
    if is_object(value):
        for key, item in value.items():
            yield from _not_json(item, f"{path}/{key}")
    elif is_array(value):
        for index, item in enumerate(value):
            yield from _not_json(item, f"{path}/{index}")
    elif not isinstance(value, _JSON):
        yield path, value


_JSON: Final = (str, int, float, bool, type(None))


def progress(subject: PluginUnderTest) -> Iterator[Finding]:
    """Check the progress that hooks report; a hook may report nothing."""
    with subject.opened(subject.runtime) as channel:
        reported_hooks: set[str] = set()
        for case in subject.valid_calls:
            reports: list[tuple[Any, Any, Any]] = []

            def note(done: Any, total: Any, message: Any, into: list[Any] = reports) -> None:
                into.append((done, total, message))

            with reporting_to(note):
                _call(channel, subject, case)
            wrong = _progress_fault(reports)
            if wrong and case.hook not in reported_hooks:
                reported_hooks.add(case.hook)
                help_text = "report more each time, up to the total, in one unit"
                yield Finding(subject.place(case.hook), f"{case.hook} reports {wrong}", help_text)


def _call(channel: Channel, subject: PluginUnderTest, case: SampleCall) -> None:
    try:
        call_as_json(channel, subject.kind, case)
    except HookError:
        return


def _progress_fault(reports: list[tuple[Any, Any, Any]]) -> str:
    last = -math.inf
    for done, total, message in reports:
        if not (_is_number(done) and (total is None or _is_number(total))):
            return f"{done!r} of {total!r}, which are not finite numbers"
        if not isinstance(message, str):
            return f"the message {message!r}, which is not a text"
        if done <= last:
            return f"{done:g} after {last:g}"
        if total is not None and done > total:
            return f"{done:g} of {total:g}"
        last = done
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
