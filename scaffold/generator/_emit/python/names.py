"""Names of a kind as Python identifiers: a pass over the whole kind, the same on every run.

Names that a declaration of a hookspec must leave alone in Python are reserved.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from keyword import iskeyword

from scaffold.generator.ir import Declaration, Kind, Record

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


@dataclass(frozen=True)
class PythonNames:
    """The Python names of one kind."""

    kind: Kind

    @property
    def package(self) -> str:
        """`tool_v1`."""
        return f"{self.kind.name}_v{self.kind.major}"

    @property
    def constant(self) -> str:
        """`TOOL`; a hook of the same name goes first."""
        name = self.kind.name.upper()
        while name in self.hooks.values():
            name += "_KIND"
        return name

    @property
    def plugin(self) -> str:
        """`ToolPlugin`."""
        return f"{pascal_case(self.kind.name)}Plugin"

    @property
    def client(self) -> str:
        """`ToolClient`."""
        return f"{pascal_case(self.kind.name)}Client"

    @property
    def async_client(self) -> str:
        """`AsyncToolClient`."""
        return f"Async{self.client}"

    @property
    def dispatcher(self) -> str:
        """`ToolDispatcher`."""
        return f"{pascal_case(self.kind.name)}Dispatcher"

    @property
    def async_dispatcher(self) -> str:
        """`AsyncToolDispatcher`."""
        return f"Async{self.dispatcher}"

    @cached_property
    def declared(self) -> Mapping[str, Declaration]:
        """The declared types by their names in the kind."""
        return {item.name: item for item in self.kind.types}

    @cached_property
    def hooks(self) -> Mapping[str, str]:
        """The constant of each hook: `GET_SCHEMA`."""
        return {hook.name: hook.name.upper() for hook in self.kind.hooks}

    @cached_property
    def methods(self) -> Mapping[str, str]:
        """The method of each hook."""
        return {hook.name: _free(hook.name, METHODS) for hook in self.kind.hooks}

    @cached_property
    def types(self) -> Mapping[str, str]:
        """The class or alias of each declared type."""
        own = {
            self.plugin,
            self.client,
            self.async_client,
            self.dispatcher,
            self.async_dispatcher,
            self.constant,
        }
        taken = CLASSES | own | set(self.hooks.values())
        declared = {item.name for item in self.kind.types}
        names = {name: name for name in declared - taken}
        for name in sorted(declared & taken):
            candidate = f"{name}Model"
            while candidate in taken | declared | set(names.values()):
                candidate += "Model"
            names[name] = candidate
        return names

    @cached_property
    def fields(self) -> Mapping[str, Mapping[str, str]]:
        """The attributes of each record, by the names of the record and of the property."""
        records = (item for item in self.kind.types if isinstance(item, Record))
        return {item.name: identifiers(field.name for field in item.fields) for item in records}


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Map the properties of one object to attributes; names that need no change come first."""
    names = list(names)
    given = {name: _attribute(name) for name in names}
    found = {name: name for name in names if given[name] == name}
    taken = set(found)
    for name in names:
        if name not in found:
            found[name] = _free(given[name], taken)
            taken.add(found[name])
    return found


def pascal_case(name: str) -> str:
    """`text_processor` → `TextProcessor`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@lru_cache(maxsize=4096)
def _attribute(name: str) -> str:
    # The same few names are those of many properties.
    plain = _plain(name)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    snake = re.sub(r"\W+", "_", words).lower()
    public = snake.lstrip("_")
    if not f"_{public}".isidentifier() or not public:
        return "field_"
    if public[0].isdigit():
        return f"field_{public}"
    hostile = iskeyword(public) or public in ATTRIBUTES or public != snake
    return f"{public}_" if hostile else public


def _plain(name: str) -> str:
    """Write a name without accents, if it is then all ASCII; other scripts are kept."""
    if name.isascii():
        return name
    letters = [x for x in unicodedata.normalize("NFKD", name) if not unicodedata.combining(x)]
    if "".join(x for x in letters if x.isalpha()).isascii():
        return "".join(letters).encode("ascii", "replace").decode()
    return unicodedata.normalize("NFKC", name)


def _free(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    while name in taken:
        name += "_"
    return name
