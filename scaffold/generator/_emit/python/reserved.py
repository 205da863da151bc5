"""Names that a declaration of a hookspec must leave alone in Python."""

__all__ = ["ATTRIBUTES", "CLASSES", "METHODS"]

CLASSES = frozenset(
    {
        "ABSENT",
        "Annotated",
        "Any",
        "AsyncChannel",
        "AsyncClient",
        "AsyncDispatcher",
        "AsyncGenerator",
        "AsyncIterator",
        "AsyncRoutes",
        "Channel",
        "ClassVar",
        "Client",
        "Dispatch",
        "Dispatcher",
        "False",
        "Field",
        "Functions",
        "Generator",
        "Hook",
        "HookError",
        "Integer",
        "Iterator",
        "Json",
        "JsonObject",
        "Kind",
        "Literal",
        "Maybe",
        "MaybeAsyncIterator",
        "MaybeAwaitable",
        "Model",
        "None",
        "NoneType",
        "Number",
        "Optional",
        "Path",
        "Plugin",
        "Routes",
        "StreamHook",
        "True",
        "TypeAlias",
        "Union",
        "Wanted",
    }
)
"""Names that generated modules import, so no declaration may carry them."""

ATTRIBUTES = frozenset(
    {
        "bool",
        "construct",
        "copy",
        "dict",
        "fields_set",
        "float",
        "from_orm",
        "int",
        "json",
        "list",
        "mro",
        "parse_file",
        "parse_obj",
        "parse_raw",
        "register",
        "schema",
        "schema_json",
        "str",
        "update_forward_refs",
        "validate",
        "model_computed_fields",
        "model_config",
        "model_construct",
        "model_copy",
        "model_dump",
        "model_dump_json",
        "model_extra",
        "model_fields",
        "model_fields_set",
        "model_json_schema",
        "model_parametrized_name",
        "model_post_init",
        "model_rebuild",
        "model_validate",
        "model_validate_json",
        "model_validate_strings",
    }
)
"""Names that every model or its class has, and those that annotations are written with."""

METHODS = frozenset(
    {
        "aclose",
        "bind",
        "channel",
        "client",
        "close",
        "health",
        "kind",
        "setup",
        "teardown",
    }
)
"""Names that `Plugin` and its clients have already."""
