"""Dispatch by function: plugins list what they offer, and a call goes to the owner of one function.

The lists are asked for at the first call of a function that is not known.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pydantic_core import from_json

from scaffold.contract._errors.errors import AmbiguousPlugin, HookError, ScaffoldError
from scaffold.contract._hooks.function_catalog import function_call_reader
from scaffold.contract._hooks.hook import Hook
from scaffold.host._dispatch.all_plugins import ask_all
from scaffold.host._dispatch.kind_group import DispatchClass, KindGroup
from scaffold.host._dispatch.one_plugin import BoundCall
from scaffold.host._registry.ranking import dispatch_order
from scaffold.manifest._model import Manifest


class _Owners(DispatchClass):
    """The plugins of a kind, and which functions each is known to have."""

    def __init__(
        self, group: KindGroup[Any], hook: Hook[Any, Any], calls: Sequence[BoundCall]
    ) -> None:
        assert hook.functions is not None
        self._group = group
        self._hook = hook
        self._read_call = function_call_reader(hook)
        self._named = {bound.name: call for bound, call in calls}
        self._listing = hook.kind.hooks[hook.functions.catalogue]
        self._listed = group.bound_plugins(self._listing)
        self._known: dict[str, list[Manifest]] = {}

    def _function(self, payload: Any) -> str:
        """Return the function that a payload calls."""
        assert self._hook.functions is not None
        content = self._read_call(payload)
        return str(content[self._hook.functions.name])

    def _learn(self, answers: Sequence[Any]) -> None:
        """Note the functions of each plugin; one that has failed to list them is left out."""
        catalogues: list[tuple[Manifest, Any]] = []
        for bound, answer in zip(self._listed, answers, strict=True):
            if isinstance(answer, ScaffoldError):
                self._group.leave_out(bound, self._listing, answer)
            else:
                catalogues.append((bound.manifest, answer))
        found: dict[str, list[Manifest]] = {}
        for manifest, catalogue in sorted(catalogues, key=lambda pair: dispatch_order(pair[0])):
            for function in from_json(self._listing.output.dump(catalogue)):
                found.setdefault(function["name"], []).append(manifest)
        self._known.update(found)

    def _call_of(self, name: str) -> Callable[[Any], Any]:
        """Return the call of a plugin that a policy or the environment names."""
        if name not in self._named:
            raise self._group.plugin_not_loaded_error(name)
        return self._named[name]

    def _call_of_owner(self, function: str) -> Callable[[Any], Any]:
        """Return the call of the plugin that has a function.

        Raises `HookError` with `unknown_function`, or `AmbiguousPlugin` if two have the same
        priority.
        """
        candidates = self._known.get(function, [])
        if not candidates:
            silent = ", ".join(self._group.left_out(self._listing))
            asked = f"; it is not known what {silent} can do" if silent else ""
            reason = f"no plugin in use has a function '{function}'{asked}{self._group.failures()}"
            raise HookError("unknown_function", reason)
        first, *others = candidates
        if others and dispatch_order(others[0])[:-1] == dispatch_order(first)[:-1]:
            kind = self._group.kind.name
            raise AmbiguousPlugin(
                kind,
                f"equal priority for kind={kind}, and both '{first.name}' and '{others[0].name}' "
                f"have a function '{function}'",
            )
        return self._named[first.name]


class FunctionOwner(_Owners):
    """Calls the plugin that has the function of a payload."""

    def call(self, payload: Any) -> Any:
        name = self._group.preferred()
        if name is not None:
            return self._call_of(name)(payload)
        function = self._function(payload)
        if function not in self._known:
            self._learn([_answer(bound.call) for bound in self._listed])
        return self._call_of_owner(function)(payload)


class AsyncFunctionOwner(_Owners):
    """Calls the plugin that has the function of a payload, from an event loop."""

    async def call(self, payload: Any) -> Any:
        name = self._group.preferred()
        if name is not None:
            return await self._call_of(name)(payload)
        function = self._function(payload)
        if function not in self._known:
            self._learn(await ask_all(self._listed, None))
        return await self._call_of_owner(function)(payload)


def _answer(call: Callable[[Any], Any]) -> Any:
    try:
        return call(None)
    except ScaffoldError as error:
        return error
