"""The intermediate representation: a kind, fully resolved, for any emitter in any language.

A closed set of frozen records: no YAML, no `$ref`, no source text. `scaffold inspect --json`
prints it; emitters are pure functions of it.

Two views of every payload stand side by side. `Payload.schema` is exact: the author's JSON Schema,
self-contained. `Payload.type` is for typing: never stricter than the schema, and named once for all
languages. `Payload.exact` tells whether the schema says more than the type can enforce, and
`Payload.left` where it does.
"""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias, TypeGuard

Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value."""


@dataclass(frozen=True, slots=True)
class Null:
    """`null` and nothing else."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A number without a fraction; `1.0` counts."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """Any number; `minimum` and `maximum` are inclusive."""

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    """What it must be greater than."""
    below: float | None = None
    """What it must be less than."""


@dataclass(frozen=True, slots=True)
class String:
    """Text; lengths count Unicode code points, and `format` is an annotation."""

    min_length: int | None = None
    max_length: int | None = None
    format: str | None = None
    pattern: str | None = None
    """A regular expression that is found in it, and that all languages read alike."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few fixed values: strings, integers, booleans or null."""

    values: tuple[str | int | bool | None, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """A list of one type."""

    items: "Type"
    min_items: int | None = None
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """An object of free keys; `Anything` as values makes it any object."""

    values: "Type"


@dataclass(frozen=True, slots=True)
class Union:
    """One of several types, none of them a union.

    `discriminator` names the property whose literal value tells the members apart.
    """

    members: tuple["Type", ...]
    discriminator: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A type declared by name in `Kind.types`."""

    name: str


Type: TypeAlias = (
    Anything | Null | Boolean | Integer | Number | String | Choice | Array | Map | Union | Reference
)


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an object."""

    name: str
    """The property's name in JSON."""
    type: Type
    required: bool
    description: str = ""
    has_default: bool = False
    default: Json = None
    """A JSON value; frozen by convention."""
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """An object with named properties. `extra` says what else it may carry."""

    name: str
    """PascalCase, unique in the kind."""
    description: str
    fields: tuple[Field, ...]
    extra: Literal["allow", "forbid"]


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a type that is not an object: a list, a union, a set of literals."""

    name: str
    description: str
    type: Type


Declaration: TypeAlias = Record | Alias


@dataclass(frozen=True, slots=True)
class Payload:
    """The input or the output of a hook."""

    type: Type | None
    """`None` is the empty object: the hook takes no payload, or answers nothing."""
    schema: Json
    """JSON Schema 2020-12, self-contained: every reference points into this document."""
    object: bool
    """True if every valid value is a JSON object; MCP arguments must be."""
    exact: bool = False
    """True if `schema` refuses something that `type` accepts."""
    residual: Json = None
    """What `schema` demands beyond `type`, as a schema; `None` if it is nothing, or most of it."""
    left: tuple[str, ...] = ()
    """JSON pointers to the keywords that `type` does not enforce, with all that is in them."""


@dataclass(frozen=True, slots=True)
class HookError:
    """An error code that a hook may raise."""

    code: str
    description: str


@dataclass(frozen=True, slots=True)
class Functions:
    """How one hook becomes one MCP tool per function."""

    catalogue: str
    """The hook that lists the functions."""
    name: str
    """The input property that carries a function's name."""
    arguments: str
    """The input property that carries a function's arguments."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One operation of a kind."""

    name: str
    """snake_case."""
    description: str
    dispatch: str
    """`singleton`, `broadcast_collect`, `broadcast_notify`, `chain` or `capability`."""
    input: Payload
    output: Payload
    exposed: bool
    tool: str
    """Template of the MCP tool's name."""
    functions: Functions | None
    content: bool
    """True if the output's `content` property holds MCP content blocks."""
    stream: bool
    """True if it answers with a stream of items; `output` is one of them."""
    best_effort: bool
    """True if a collect leaves out the plugins that fail."""
    errors: tuple[HookError, ...]
    idempotent: bool
    read_only: bool
    timeout: float | None
    """Seconds; `None` leaves it to the host."""
    since: str | None
    deprecated: str | None
    """Why, and what to use instead; `None` if it is not deprecated."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A whole hookspec."""

    name: str
    """snake_case."""
    version: str
    """SemVer."""
    description: str
    hooks: tuple[Hook, ...]
    types: tuple[Declaration, ...]
    """Every declared type, each before its first use where recursion allows."""
    in_process_only: bool
    singleton_per_runtime: bool
    source: str
    """Where it came from, relative to the hookspec folder: `tool/v1.yaml`."""
    digest: str
    """SHA-256, in hex, of the contract in canonical JSON: text and layout do not count."""

    @property
    def major(self) -> int:
        """The major version, which names packages: `tool_v1`."""
        return int(self.version.split(".", 1)[0])


def to_json(kind: Kind) -> dict[str, Json]:
    """Return a kind as plain JSON.

    Types and declarations carry a tag, `"type": "record"`; bounds that are not set are left out,
    and what an alias stands for is its `target`.
    """
    result: dict[str, Json] = _plain(kind)
    return result


_TAGGED = (
    *(Anything, Null, Boolean, Integer, Number, String, Choice, Array, Map, Union, Reference),
    *(Record, Alias),
)


def _is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


def _plain(value: Any) -> Json:
    if _is_tuple(value):
        return [_plain(item) for item in value]
    if not is_dataclass(value):
        return value
    content = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Alias):
        content["target"] = content.pop("type")
    if isinstance(value, _TAGGED):
        set_parts = {name: part for name, part in content.items() if part is not None}
        return {"type": type(value).__name__.lower(), **set_parts}
    return content
