"""Which plugin has a function, for kinds whose plugins list what they offer."""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic_core import from_json

from scaffold.contract._errors.errors import AmbiguousPlugin, HookError
from scaffold.contract._hooks.hook import Hook
from scaffold.host._registry.ranking import dispatch_order
from scaffold.manifest._model import Manifest


def by_function(hook: Hook[Any, Any], payload: Any) -> str:
    """Return the function that a payload calls."""
    assert hook.functions is not None
    content = from_json(hook.input.dump(payload))
    return str(content[hook.functions.name])


def owners(
    listing: Hook[None, Any], catalogues: Sequence[tuple[Manifest, Any]]
) -> dict[str, list[Manifest]]:
    """Return the plugins that have each function, the first in rank first."""
    found: dict[str, list[Manifest]] = {}
    for manifest, catalogue in sorted(catalogues, key=lambda pair: dispatch_order(pair[0])):
        for function in from_json(listing.output.dump(catalogue)):
            found.setdefault(function["name"], []).append(manifest)
    return found


def one_owner(
    kind: str,
    function: str,
    candidates: Sequence[Manifest],
    silent: Sequence[str] = (),
    failures: Callable[[], str] = str,
) -> str:
    """Return the plugin to ask for a function; `silent` are those that could not be asked for it.

    `failures` says why other plugins cannot be used.

    Raises `HookError` with `unknown_function`, or `AmbiguousPlugin` if two have the same priority.
    """
    if not candidates:
        asked = f"; it is not known what {', '.join(silent)} can do" if silent else ""
        reason = f"no plugin in use has a function '{function}'{asked}{failures()}"
        raise HookError("unknown_function", reason)
    first, *others = candidates
    if others and dispatch_order(others[0])[:-1] == dispatch_order(first)[:-1]:
        raise AmbiguousPlugin(
            kind,
            f"equal priority for kind={kind}, and both '{first.name}' and '{others[0].name}' have "
            f"a function '{function}'",
        )
    return first.name
