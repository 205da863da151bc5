"""Decoding of only those parts of a JSON text that a schema can look at.

A residual schema looks at few parts, for example at one property of each of a hundred objects. The
other members are skipped at the speed of a scan. The parts are described by a type for msgspec. It
accepts every JSON value, so that nothing is refused here. An unknown keyword may look at anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypedDict

from scaffold.contract._json import Json, is_array, is_object

MAX_PLACES = 1000
"""Subschemas that are read; for a schema with more, the whole text is decoded."""


@dataclass(eq=False)
class _ReadParts:
    """The parts of one value that a schema reads; its type and a scalar are always read."""

    everything: bool = False
    names: dict[str, "_ReadParts"] = field(default_factory=dict[str, "_ReadParts"])
    """The named members."""
    values: "_ReadParts | None" = None
    """Members of any name."""
    items: "_ReadParts | None" = None
    """The items of an array, and their number."""

    def add(self, other: "_ReadParts") -> None:
        """Add the parts that another schema reads."""
        self.everything |= other.everything
        for name, part in other.names.items():
            self.names.setdefault(name, _ReadParts()).add(part)
        if other.values is not None:
            self.values = self.values or _ReadParts()
            self.values.add(other.values)
        if other.items is not None:
            self.items = self.items or _ReadParts()
            self.items.add(other.items)


def partial_type(schema: Json) -> Any:
    """Return the type by which msgspec decodes what a schema reads.

    References must lead to `$defs`, as those of a residual schema do.
    """
    reader = _SchemaReader(schema.get("$defs", {}) if is_object(schema) else {})
    look = reader.look(schema)
    return _type_of(look) if reader.places <= MAX_PLACES else Any


_KeywordReader: TypeAlias = Callable[["_SchemaReader", Json], _ReadParts]


class _SchemaReader:
    """Reads one schema and its definitions."""

    def __init__(self, definitions: Mapping[str, Json]) -> None:
        self.places = 0
        self._definitions = definitions
        self._active: set[str] = set()

    def look(self, schema: Json) -> _ReadParts:
        """Return the parts that a schema reads."""
        self.places += 1
        found = _ReadParts(everything=self.places > MAX_PLACES)
        if is_object(schema) and not found.everything:
            for keyword, value in schema.items():
                found.add(_READ_BY_KEYWORD.get(keyword, _everything)(self, value))
        return found

    def follow(self, reference: str) -> _ReadParts:
        """Return the parts that a definition reads: everything if it contains itself."""
        name = reference.removeprefix("#/$defs/")
        if name in self._active or name not in self._definitions:
            return _ReadParts(everything=True)
        self._active.add(name)
        found = self.look(self._definitions[name])
        self._active.remove(name)
        return found

    def all(self, schemas: list[Json]) -> _ReadParts:
        """Return the parts of one value that several schemas read."""
        found = _ReadParts()
        for schema in schemas:
            found.add(self.look(schema))
        return found


def _nothing(_reader: _SchemaReader, _value: Json) -> _ReadParts:
    return _ReadParts()


def _everything(_reader: _SchemaReader, _value: Json) -> _ReadParts:
    return _ReadParts(everything=True)


def _properties(reader: _SchemaReader, value: Json) -> _ReadParts:
    return _ReadParts(names={name: reader.look(part) for name, part in value.items()})


def _required(_reader: _SchemaReader, value: Json) -> _ReadParts:
    return _ReadParts(names={name: _ReadParts() for name in value})


def _dependent(_reader: _SchemaReader, value: Json) -> _ReadParts:
    return _ReadParts(
        names={name: _ReadParts() for names in value.items() for name in (names[0], *names[1])}
    )


def _any_member(reader: _SchemaReader, value: Json) -> _ReadParts:
    return _ReadParts(values=reader.look(value))


def _patterns(reader: _SchemaReader, value: Json) -> _ReadParts:
    return _ReadParts(values=reader.all([*value.values()]))


def _items(reader: _SchemaReader, value: Json) -> _ReadParts:
    return _ReadParts(items=reader.all(value if is_array(value) else [value]))


_READ_BY_KEYWORD: Final[dict[str, _KeywordReader]] = {
    **dict.fromkeys(("$defs", "type", "pattern", "minLength", "maxLength", "multipleOf"), _nothing),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _nothing),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _SchemaReader.all),
    **dict.fromkeys(("not", "if", "then", "else"), _SchemaReader.look),
    "$ref": _SchemaReader.follow,
    "properties": _properties,
    "required": _required,
    "dependentRequired": _dependent,
    "additionalProperties": _any_member,
    "patternProperties": _patterns,
    **dict.fromkeys(("propertyNames", "minProperties", "maxProperties"), _any_member),
    **dict.fromkeys(("items", "prefixItems", "contains"), _items),
    **dict.fromkeys(("minItems", "maxItems"), _items),
}
"""The parts that each keyword reads."""

_typed_dict: Any = TypedDict
"""As `Any`: these types are built at run time."""


def _type_of(look: _ReadParts) -> Any:
    if look.everything:
        return Any
    members: Any = _typed_dict("_Members", {}, total=False)
    if look.values is not None:
        whole = _ReadParts()
        for part in (look.values, *look.names.values()):
            whole.add(part)
        members = dict.__class_getitem__((str, _type_of(whole)))
    elif look.names:
        seen = {name: _type_of(part) for name, part in look.names.items()}
        members = _typed_dict("_Members", seen, total=False)
    items: Any = list if look.items is None else list.__class_getitem__(_type_of(look.items))
    return members | items | None | bool | int | float | str
