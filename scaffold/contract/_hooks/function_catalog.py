"""The functions that a plugin offers through one hook, and the check of a call's arguments."""

import logging
from collections.abc import Callable, Iterable
from functools import partial

from scaffold.contract._errors.errors import HookError, InvalidInput
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._json.types import JsonObject
from scaffold.contract._validation.partial_schema import PartialSchema

__all__ = ["FunctionCatalog"]


class FunctionCatalog:
    """What the catalogue hook listed: objects with `name`, `description` and `parameters`.

    What cannot be checked of a function's parameters is left out of the check, with one warning.

    Args:
        functions: The list.
        plugin: Whose it is; warnings go to its log.
        odd: Gets the name of a function and what is left out, in place of the log.
    """

    def __init__(
        self,
        functions: Iterable[JsonObject],
        plugin: str = "",
        odd: Callable[[str, str], None] | None = None,
    ) -> None:
        self.functions = {str(function["name"]): function for function in functions}
        self._schemas: dict[str, PartialSchema] = {}
        self._odd = odd or partial(_warn, plugin)

    def check(self, hook: Hook[object, object], payload: JsonObject) -> None:
        """Hold a call of `hook` to its function's parameters, before the plugin sees it.

        `payload` has passed the hook's own schema. Raises `HookError` with `unknown_function`, or
        `InvalidInput` whose paths lead into the arguments.
        """
        assert hook.functions is not None
        name = payload[hook.functions.name]
        if name not in self.functions:
            offered = ", ".join(sorted(self.functions)) or "none"
            raise HookError("unknown_function", f"no function '{name}'; there is: {offered}")
        arguments = payload[hook.functions.arguments]
        schema = self._schemas.get(name) or self._compile(name)
        if not schema.accepts(arguments):
            prefix = f"/{hook.functions.arguments}"
            raise InvalidInput(hook.name, *schema.explain(arguments, prefix))

    def _compile(self, name: str) -> PartialSchema:
        schema = self._schemas[name] = PartialSchema(self.functions[name]["parameters"])
        if schema.left_out:
            self._odd(name, f"takes arguments that are not checked in full: {schema}")
        return schema


def _warn(plugin: str, function: str, what: str) -> None:
    logging.getLogger(f"plugin.{plugin}").warning("function '%s' %s", function, what)
