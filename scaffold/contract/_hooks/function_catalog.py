"""The functions that a plugin offers through one hook, and the validation of their arguments."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pydantic_core import from_json

from scaffold.contract._errors.errors import HookError, InvalidInput
from scaffold.contract._hooks.hook import Hook
from scaffold.contract._json import Json, JsonObject
from scaffold.contract._validation.partial_schema import PartialSchema


def function_call_reader(hook: Hook[Any, Any]) -> Callable[[Any], JsonObject]:
    """Return what reads the function and its arguments from an input of a hook, as JSON values.

    A payload of the class that ships with scaffold, or is generated like it, has both as they are;
    any other payload is written as JSON first.
    """
    functions, python_type = hook.functions, hook.input.python_type
    assert functions is not None
    name, arguments = functions.name, functions.arguments
    fields = getattr(python_type, "model_fields", {})
    types = {key: field.annotation for key, field in fields.items() if field.alias is None}
    has_both = types.get(name) is str and types.get(arguments) == JsonObject

    def read(payload: Any) -> JsonObject:
        if has_both and type(payload) is python_type:
            return {name: getattr(payload, name), arguments: getattr(payload, arguments)}
        content: JsonObject = from_json(hook.input.dump(payload))
        return content

    return read


class FunctionCatalog:
    """The functions that a catalogue hook returned.

    If a part of a schema for parameters cannot be compiled, it is not validated; there is one
    warning for each such function.

    Args:
        functions: Objects with `name`, `description` and `parameters`.
        plugin: The name of the plugin; warnings go to its log.
        on_unchecked: Receives the name of a function and the warning, in place of the log.
    """

    def __init__(
        self,
        functions: Iterable[JsonObject],
        plugin: str = "",
        on_unchecked: Callable[[str, str], None] | None = None,
    ) -> None:
        self.functions = {str(function["name"]): function for function in functions}
        self._schemas: dict[str, PartialSchema] = {}
        self._on_unchecked = on_unchecked or partial(_warn, plugin)

    def check(self, hook: Hook[object, object], payload: JsonObject) -> None:
        """Validate the arguments of a function before the plugin is called.

        Args:
            hook: The hook that calls functions.
            payload: Its input, which is valid by the schema of the hook.

        Raises:
            HookError: `unknown_function`: the plugin does not offer the function.
            InvalidInput: The arguments are invalid; the paths lead into them.
        """
        assert hook.functions is not None
        name = payload[hook.functions.name]
        if name not in self.functions:
            offered = ", ".join(sorted(self.functions)) or "none"
            raise HookError(
                "unknown_function", f"the plugin has no function '{name}'; it offers: {offered}"
            )
        self.check_arguments(hook, name, payload[hook.functions.arguments])

    def check_arguments(self, hook: Hook[object, object], name: str, arguments: Json) -> None:
        """Validate the arguments of a function that the plugin offers; raise `InvalidInput`."""
        assert hook.functions is not None
        schema = self._schemas.get(name) or self._compile(name)
        if not schema.accepts(arguments):
            prefix = f"/{hook.functions.arguments}"
            raise InvalidInput(hook.name, *schema.explain(arguments, prefix))

    def _compile(self, name: str) -> PartialSchema:
        schema = self._schemas[name] = PartialSchema(self.functions[name]["parameters"])
        if schema.left_out:
            self._on_unchecked(name, f"takes arguments that are not checked in full: {schema}")
        return schema


def _warn(plugin: str, function: str, what: str) -> None:
    logging.getLogger(f"plugin.{plugin}").warning("function '%s' %s", function, what)
