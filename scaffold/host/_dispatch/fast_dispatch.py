"""Plugins of one process called in one loop: a collect or a chain at the price of the calls."""

from collections.abc import Callable, Sequence
from typing import Any

from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.host._dispatch.kind_group import BoundPlugin, blame
from scaffold.host._in_process.hook_binding import UnguardedCall
from scaffold.host._in_process.in_flight import DispatchedCalls


def unguarded_calls(
    bound_plugins: Sequence[BoundPlugin[Any]], *, chained: bool = False
) -> list[UnguardedCall]:
    """Return the short ways to all plugins, if each has one and their classes are the same."""
    ways = [bound.direct for bound in bound_plugins if bound.direct is not None]
    if not ways or len(ways) < len(bound_plugins):
        return []
    input_class, output_class = ways[0].input_class, ways[0].output_class
    same = all(way.input_class is input_class and way.output_class is output_class for way in ways)
    return ways if same and (input_class is output_class or not chained) else []


def fast_collect(
    bound_plugins: Sequence[BoundPlugin[Any]],
    ways: Sequence[UnguardedCall],
    calls: DispatchedCalls,
    otherwise: Callable[[Any], list[Any]],
) -> Callable[[Any], list[Any]]:
    """Return the function that asks every plugin; `otherwise` takes inputs of other classes."""
    invokes = [way.invoke for way in ways]
    input_class, output_class = ways[0].input_class, ways[0].output_class

    def collect(payload: Any) -> list[Any]:
        if type(payload) is not input_class:
            return otherwise(payload)
        answers: list[Any] = []
        keep, class_of, expected = answers.append, type, output_class
        calls.running += 1
        if calls.over:
            calls.running -= 1
            return otherwise(payload)
        try:
            for invoke in invokes:
                answer = invoke(payload)
                if class_of(answer) is not expected:
                    answer = ways[len(answers)].finish(answer)
                keep(answer)
        except PLUGIN_EXCEPTIONS as error:
            raise blame(bound_plugins[len(answers)], error) from None
        finally:
            calls.running -= 1
        return answers

    return collect


def fast_chain(
    bound_plugins: Sequence[BoundPlugin[Any]],
    ways: Sequence[UnguardedCall],
    calls: DispatchedCalls,
    otherwise: Callable[[Any], Any],
    refused: Callable[[BoundPlugin[Any], BaseException], Any],
) -> Callable[[Any], Any]:
    """Return the function that hands a payload from plugin to plugin.

    `otherwise` takes inputs of other classes; `refused` returns the answer of a chain that a plugin
    has ended, or raises.
    """
    invokes = [way.invoke for way in ways]
    input_class = ways[0].input_class

    def chain(payload: Any) -> Any:
        if type(payload) is not input_class:
            return otherwise(payload)
        invoke, class_of, expected = invokes[0], type, input_class
        before = 0
        calls.running += 1
        if calls.over:
            calls.running -= 1
            return otherwise(payload)
        try:
            for invoke in invokes:
                if class_of(payload) is not expected:
                    before = 1  # what fails now is the plugin before
                    payload = ways[invokes.index(invoke) - 1].finish(payload)
                    before = 0
                payload = invoke(payload)
            if class_of(payload) is not expected:
                payload = ways[-1].finish(payload)
        except PLUGIN_EXCEPTIONS as error:
            return refused(bound_plugins[invokes.index(invoke) - before], error)
        finally:
            calls.running -= 1
        return payload

    return chain
