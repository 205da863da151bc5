"""Trace spans of a plugin's process: one for each call of a hook, a child of the host's span."""

from collections.abc import Callable
from typing import Any

from scaffold.contract._context.telemetry import Tracer
from scaffold.contract._hooks.hook import Hook
from scaffold.server._plugin.hook_steps import is_async

__all__ = ["traced"]


def traced(
    method: Callable[..., Any], hook: Hook[Any, Any], plugin: str, tracer: Tracer
) -> Callable[..., Any]:
    """Return the method with a span around each call; `async` if the method is `async`."""
    name, facts = f"{hook.kind.name}.{hook.name}", {"plugin": plugin}

    def call(*payload: Any) -> Any:
        with tracer.span(name, facts):
            return method(*payload)

    async def call_async(*payload: Any) -> Any:
        with tracer.span(name, facts):
            return await method(*payload)

    return call_async if is_async(method) else call
