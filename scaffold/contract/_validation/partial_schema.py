"""The part of a foreign schema that can be compiled here; its server validates the rest.

Some servers list tools whose schemas have patterns of another language, unknown types, references
to other hosts, or keywords of old drafts. A keyword that cannot be compiled is left out. The rest
accepts every value that the whole schema accepts. So keywords that become stricter without another
one (`not`, `if`, `oneOf`, `additionalProperties`, `unevaluated…`) are left out or weakened too.
Source: JSON Schema 2020-12, Core §10, §11; Validation §6.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from urllib.parse import unquote

from scaffold._validators import compile_in_own_draft
from scaffold.contract._json import Json, JsonObject, is_array, is_object, pointer
from scaffold.contract._validation.validator import CompiledSchema

_MAX_LEFT_OUT: Final = 50
"""Keywords that are left out one by one; a schema with more is not validated at all."""
_MAX_NAMED: Final = 5
_MAX_REASON_CHARS: Final = 120

_MAPS: Final = frozenset(
    {"$defs", "definitions", "properties", "patternProperties", "dependentSchemas", "dependencies"}
)
_LISTS: Final = frozenset({"allOf", "anyOf", "prefixItems"})
_SINGLES: Final = frozenset(
    {"items", "additionalItems", "contains", "additionalProperties", "propertyNames"}
)
_DATA: Final = frozenset({"const", "enum", "default", "examples"})
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMES: Final = ("$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", *_REFERENCES)
_STRICTER_WITHOUT: Final = {
    "properties": ("additionalProperties",),
    "patternProperties": ("additionalProperties",),
    "prefixItems": ("items",),
    "items": ("additionalItems",),
}
"""The keywords that refuse more values when another keyword, the key, is left out."""
_STRICTER: Final = ("not", "if", "unevaluatedProperties", "unevaluatedItems", "maxContains")
"""Keywords that may refuse more when anything is left out below them or next to them."""
_PLACES: Final = ("$schema", "$defs", "definitions")
_OLD: Final = ("draft-03", "draft-04", "draft-06", "draft-07")
"""Drafts in which `$ref` disables the keywords next to it."""


class PartialSchema(CompiledSchema):
    """A schema without the keywords that cannot be compiled; `left_out` lists them.

    It is compiled by the constructor.
    """

    def __init__(self, document: Json) -> None:
        super().__init__(document)
        self.left_out: list[str] = []
        """JSON Pointers of the keywords, each with the reason."""
        self._compile()

    def __str__(self) -> str:
        named = "; ".join(self.left_out[:_MAX_NAMED])
        more = len(self.left_out) - _MAX_NAMED
        return f"{named}; and {more} more" if more > 0 else named

    def _compile(self) -> None:
        """Compile the schema; remove keywords until that succeeds."""
        steps = iter(_REPAIRS)
        while (error := self._failure()) is not None:
            if not self.left_out:
                self.document = copy.deepcopy(self.document)
            path = list(getattr(error, "instance_path", ()))
            reason = (str(error).splitlines() or [""])[0][:_MAX_REASON_CHARS]
            if len(self.left_out) == _MAX_LEFT_OUT or not is_object(self.document):
                self._drop_all(reason)
            elif path:
                _leave_out(self.document, path)
                self.left_out.append(f"{pointer(path)}: {reason}")
            else:
                # A wrong name or reference: the compiler does not report its place.
                step = next(steps, None)
                if step is None:
                    self._drop_all(reason)
                elif step(self.document):
                    self.left_out.append(reason)
            if is_object(self.document):
                _weaken(self.document)

    def _failure(self) -> Exception | None:
        vars(self).pop("_validator", None)
        try:
            self.accepts(None)
        except (ValueError, RecursionError) as error:
            return error
        return None

    def _drop_all(self, reason: str) -> None:
        self.document = {}
        self.left_out.append(f"all of it: {reason}")


def _leave_out(schema: JsonObject, path: Sequence[str | int]) -> None:
    """Remove the keyword at the end of a path, or the smallest removable part around it."""
    keyword, *rest = path
    inner = schema.get(str(keyword))
    if keyword in _MAPS and is_object(inner) and rest and keyword != "patternProperties":
        name = str(rest[0])
        if is_object(inner.get(name)) and rest[1:]:
            _leave_out(inner[name], rest[1:])
        elif keyword == "dependencies":
            inner.pop(name, None)
        else:
            inner[name] = {}
        return None
    if keyword == "patternProperties" and is_object(inner) and len(rest) > 1:
        return _leave_out(inner[str(rest[0])], rest[1:])
    if keyword in _SINGLES and is_object(inner) and rest:
        return _leave_out(inner, rest)
    if keyword in _LISTS and is_array(inner) and len(rest) > 1 and is_object(inner[int(rest[0])]):
        return _leave_out(inner[int(rest[0])], rest[1:])
    schema.pop(str(keyword), None)
    for leaning in _STRICTER_WITHOUT.get(str(keyword), ()):
        schema.pop(leaning, None)
    return None


def _weaken(schema: JsonObject) -> None:
    """Remove or weaken keywords that may refuse more values after a removal."""
    for node in _schemas(schema):
        for keyword in _STRICTER:
            node.pop(keyword, None)
        if "oneOf" in node:
            members = {"anyOf": node.pop("oneOf")}
            others = node.get("allOf")
            node["allOf"] = [*others, members] if is_array(others) else [members]


def _schemas(value: Json) -> Iterator[JsonObject]:
    """Yield all objects that may be schemas."""
    pending = [(value, False)]
    while pending:
        found, is_map = pending.pop()
        if is_array(found):
            pending += [(inner, False) for inner in found]
        elif is_object(found):
            if not is_map:
                yield found
            pending += [
                (inner, not is_map and key in _MAPS)
                for key, inner in found.items()
                if is_map or key not in _DATA
            ]


def _remove_unknown_dialect(schema: JsonObject) -> bool:
    """Read a schema of an unknown draft as one of 2020-12."""
    if "$schema" not in schema:
        return False
    try:
        compile_in_own_draft({"$schema": schema["$schema"]})
    except ValueError:
        del schema["$schema"]
        return True
    return False


def _leave_out_remote_references(schema: JsonObject) -> bool:
    return _leave_out_references(schema, lambda reference: not reference.startswith("#"))


def _leave_out_broken_references(schema: JsonObject) -> bool:
    return _leave_out_references(
        schema, lambda reference: reference[1:2] == "/" and not _leads(schema, reference[2:])
    )


def _leave_out_references(schema: JsonObject, bad: Callable[[str], bool]) -> bool:
    """Remove the bad references; return whether there was one."""
    alone = str(schema.get("$schema", "")).rpartition("json-schema.org/")[2].startswith(_OLD)
    found = False
    for node in list(_schemas(schema)):
        for keyword in _REFERENCES:
            reference = node.get(keyword)
            if isinstance(reference, str) and bad(reference):
                found = True
                del node[keyword]
                if alone:
                    for name in [name for name in node if name not in _PLACES]:
                        del node[name]
    return found


def _leads(schema: JsonObject, path: str) -> bool:
    """Return whether a JSON Pointer resolves."""
    node: Json = schema
    for step in path.split("/"):
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if is_object(node) and name in node:
            node = node[name]
        elif is_array(node) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        else:
            return False
    return True


def _leave_out_names(schema: JsonObject) -> bool:
    for node in _schemas(schema):
        for keyword in _NAMES:
            if isinstance(node.get(keyword), str):
                del node[keyword]
    return True


_REPAIRS: Final = (
    _remove_unknown_dialect,
    _leave_out_remote_references,
    _leave_out_broken_references,
    _leave_out_names,
)
"""Repairs that are tried in turn on a schema with a wrong name or reference."""
