"""Reading of unions in linear time by the member that fits best.

Each member reads a value once, however many paths lead to it: the result is cached until the
outermost union is read. A member with a missing required property, another tag or a forbidden
property is ruled out first. Of several members that fit, the result is the one that pydantic
prefers: more properties set, then exactness, then order (Pydantic, Unions: Smart mode). Pydantic
reads the parts without such unions.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticCustomError, SchemaValidator

from scaffold.contract._json import JSON_TYPE, Json, is_array, is_object
from scaffold.contract._unions.containers import (
    CONTAINER_READERS,
    Match,
    NodeReader,
    ReadCache,
    ReaderSource,
    count_fields,
)
from scaffold.contract._unions.cost import schema_nodes


class UnionReader:
    """Reads one union, in place of the validator of pydantic."""

    __name__ = "choose"

    def __init__(self, union: Json, definitions: Mapping[str, Json], config: Json) -> None:
        self._union = union
        self._readers = NodeReaders(definitions, config)

    def __call__(self, value: Any, info: Any) -> Any:
        """Return the result of the best member; raise an error of pydantic if none fits."""
        reader = self._readers.prepared(self._union)
        try:
            fit = reader.read(value, ReadCache(is_json=info.mode == "json"))
        except RecursionError:
            raise PydanticCustomError("json", "there are too many levels") from None
        if fit is None:
            members = {"members": len(self._union["choices"])}
            raise PydanticCustomError(
                "union", "the value fits none of the {members} members", members
            )
        return fit.value


class NodeReaders:
    """The readers for the nodes of one core schema, made on demand."""

    def __init__(self, definitions: Mapping[str, Json], config: Json) -> None:
        self.definitions = definitions
        self._config = config
        self._known: dict[int, NodeReader] = {}
        self._pending: list[tuple[NodeReader, Json]] = []

    def prepared(self, node: Json) -> NodeReader:
        """Return the reader of a node, ready for use."""
        reader = self.of(node)
        while self._pending:
            made, part = self._pending[-1]
            self._pending.pop()
            made.prepare(part, self)
        return reader

    def of(self, node: Json) -> NodeReader:
        """Return the reader of a node; it must be prepared before its first use."""
        while node["type"] in _WRAPPERS:
            node = node["schema"] if "schema" in node else self.definitions[node["schema_ref"]]
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._make(node)
            self._pending.append((known, node))
        return known

    def _make(self, node: Json) -> NodeReader:
        make = _READERS.get(node["type"], _PydanticReader)
        if not _has_unions(self.reached(node)) or (
            make is _ModelReader and not _has_no_own_code(node)
        ):
            return _PydanticReader()
        return make()

    def reached(self, node: Json) -> list[Json]:
        """Return all nodes that can be reached from a node, itself included."""
        found: list[Json] = []
        pending, seen = [node], set[str]()
        while pending:
            for each in schema_nodes(pending.pop()):
                found.append(each)
                if each["type"] == "definition-ref" and each["schema_ref"] not in seen:
                    seen.add(each["schema_ref"])
                    pending.append(self.definitions[each["schema_ref"]])
        return found

    def validator(self, node: Json) -> SchemaValidator:
        """Return the validator of pydantic for a node."""
        names = {each["schema_ref"] for each in self.reached(node) if "schema_ref" in each}
        schema: Any = node
        if names:
            definitions = [self.definitions[name] for name in names]
            inner = node
            if node.get("ref") in names:
                inner = {"type": "definition-ref", "schema_ref": node["ref"]}
            schema = {"type": "definitions", "schema": inner, "definitions": definitions}
        return SchemaValidator(schema, self._config, _use_prebuilt=False)


class _PydanticReader:
    """Reads a node without unions, or of an unknown type, by pydantic."""

    def prepare(self, node: Json, readers: ReaderSource) -> None:
        kinds = {each["type"] for each in readers.reached(node)}
        self._read_python = readers.validator(node).validate_python
        self._read_json = readers.validator(_json_mode(node)).validate_python
        self._has_any, self._has_models = "any" in kinds, "model" in kinds
        self._plain = (
            _TYPE_OF_NODE.get(node["type"]) if node.keys() <= _UNCONSTRAINED_KEYS else None
        )

    def read(self, value: Any, run: ReadCache) -> Match | None:
        if type(value) is self._plain:
            return Match(value)
        if not (is_object(value) or is_array(value)):
            return self._fit(value, run)
        key = id(self), id(value)
        if key not in run.known:
            run.known[key] = self._fit(value, run)
        return run.known[key]

    def _fit(self, value: Any, run: ReadCache) -> Match | None:
        try:
            made = (
                self._read_json(value, by_name=False) if run.is_json else self._read_python(value)
            )
        except ValidationError:
            return None
        if made is value:  # an instance, a scalar, or any value
            return Match(made, None, not self._has_any)
        fields = count_fields(made) if self._has_models else None
        return Match(made, fields, fields is None and not self._has_any)


class _ModelReader:
    """Reads a model: first pydantic, without the properties with unions, then these properties."""

    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._class = node["cls"]
        self._names = node["schema"]["fields"].keys()
        self._parts: dict[str, tuple[str, NodeReader]] = {}
        self._inner: list[str] = []
        fields: dict[str, Json] = {}
        for name, field in node["schema"]["fields"].items():
            reached = readers.reached(field["schema"])
            fields[name] = field
            if _has_unions(reached):
                inner = field["schema"]
                is_default = inner["type"] == "default"
                alias = field.get("validation_alias", name)
                part = readers.of(inner["schema"] if is_default else inner)
                self._parts[name] = alias, part
                fields[name] = {
                    **field,
                    "schema": {**inner, "schema": _ANYTHING} if is_default else _ANYTHING,
                }
            elif any(each["type"] == "model" for each in reached):
                self._inner.append(name)
        shell = {**node, "schema": {**node["schema"], "fields": fields}}
        shell.pop("ref", None)
        self._read_python = readers.validator(shell).validate_python
        self._read_json = readers.validator(_json_mode(shell)).validate_python

    def read(self, value: Any, run: ReadCache) -> Match | None:
        if isinstance(value, self._class):
            return Match(value)
        key = id(self), id(value)
        if key not in run.known:
            run.known[key] = None  # a Python value that contains itself does not fit
            run.known[key] = self._fit(value, run)
        return run.known[key]

    def _fit(self, value: Any, run: ReadCache) -> Match | None:
        try:
            made = (
                self._read_json(value, by_name=False) if run.is_json else self._read_python(value)
            )
        except ValidationError:
            return None
        present: set[str] = made.model_fields_set
        values: dict[str, Any] = made.__dict__
        fields = len(self._names & present)
        for name, (alias, reader) in self._parts.items():
            if name in present and (alias in value or (name in value and not run.is_json)):
                fit = reader.read(values[name], run)
                if fit is None:
                    return None
                values[name] = fit.value
                fields += fit.fields or 0
        for name in self._inner:
            if name in present:
                fields += count_fields(values[name]) or 0
        return Match(made, fields, is_exact=False)


def _has_unions(reached: list[Json]) -> bool:
    """Return whether there is a union among the nodes."""
    return any(
        each["type"] == "union" and JSON_TYPE not in (each.get("metadata") or {})
        for each in reached
    )


def _json_mode(node: Json) -> Json:
    """Return the node that reads Python values like JSON."""
    if is_object(node):
        if node.get("type") == "json-or-python":
            return node["json_schema"]
        return {name: _json_mode(part) for name, part in node.items()}
    if is_array(node):
        return [_json_mode(part) for part in node]
    return node


def _has_no_own_code(model: Json) -> bool:
    """Return whether a model is instantiated without code of its own."""
    inner = model["schema"]["type"] == "model-fields"
    return inner and not any(model.get(name) for name in ("custom_init", "root_model", "post_init"))


_WRAPPERS: Final = frozenset({"definitions", "definition-ref"})
_ANYTHING: Final = {"type": "any"}
_TYPE_OF_NODE: Final[Mapping[str, type]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "none": type(None),
}
_UNCONSTRAINED_KEYS: Final = frozenset({"type", "metadata", "serialization", "strict"})
"""The keys of nodes that accept all values of one Python type."""

_READERS: Final[Mapping[str, type[NodeReader]]] = {**CONTAINER_READERS, "model": _ModelReader}
