"""The functions that a plugin offers through one hook, and the check of a call's arguments."""

from collections.abc import Iterable

from scaffold.contract.errors import HookError, InvalidInput
from scaffold.contract.hook import Hook
from scaffold.contract.schema import Schema
from scaffold.contract.values import JsonObject

__all__ = ["Catalogue"]


class Catalogue:
    """What the catalogue hook listed: objects with `name`, `description` and `parameters`."""

    def __init__(self, functions: Iterable[JsonObject]) -> None:
        self.functions = {str(function["name"]): function for function in functions}
        self._schemas = {
            name: Schema(function["parameters"]) for name, function in self.functions.items()
        }

    def check(self, hook: Hook[object, object], payload: JsonObject) -> None:
        """Hold a call of `hook` to its function's parameters, before the plugin sees it.

        `payload` has passed the hook's own schema. Raises `HookError` with `unknown_function`, or
        `InvalidInput` whose paths lead into the arguments.
        """
        assert hook.functions is not None
        name = payload[hook.functions.name]
        if name not in self._schemas:
            offered = ", ".join(sorted(self.functions)) or "none"
            raise HookError("unknown_function", f"no function '{name}'; there is: {offered}")
        arguments = payload[hook.functions.arguments]
        schema = self._schemas[name]
        if not schema.accepts(arguments):
            prefix = f"/{hook.functions.arguments}"
            raise InvalidInput(hook.name, schema.problems(arguments, prefix))
