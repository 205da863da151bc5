"""One schema object of a former draft, written in the words of 2020-12 with the same meaning."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from scaffold.generator._schema.dialects.drafts import LATEST, OPENAPI_3_1, Draft
from scaffold.generator._schema.dialects.vocabulary import KNOWN, LIST, NAMED, ONE
from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

__all__ = ["RECURSIVE", "Rewording", "is_anchor"]

RECURSIVE = "recursive_anchor"
"""The dynamic anchor that stands for `$recursiveAnchor: true` of draft 2019-09."""

_BESIDE_A_REFERENCE = frozenset({"$ref", "$comment", "title", "description", "definitions"})
"""What may stay next to a lonely `$ref`: these refuse nothing, and the draft ignores the rest."""

_NOTES: dict[str, type] = {
    "examples": list,
    "deprecated": bool,
    "readOnly": bool,
    "writeOnly": bool,
    "$comment": str,
    "contentMediaType": str,
    "contentEncoding": str,
}
"""Annotations of later drafts, by the form that they have there: they may stay."""

_ANCHOR = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")


def is_anchor(name: str) -> bool:
    """Tell whether 2020-12 allows an anchor of that name."""
    return _ANCHOR.fullmatch(name) is not None


@dataclass
class Rewording:
    """Writes one schema object; the schemas in it are written by `child`."""

    draft: Draft
    original: dict[str, Json]
    child: Callable[[Json, Pointer, Pointer], Json]
    """Takes a schema in the original, the way to it there, and the way to it in the result."""
    recursive: bool
    """True if the resource around it has `$recursiveAnchor: true`."""
    is_root: bool = False
    """True at the root of a document or of what has an `$id`."""
    result: dict[str, Json] = field(default_factory=dict[str, Json])
    former: list[str] = field(default_factory=list[str])
    """Keywords of an OpenAPI 3.1 description that were written as in a former draft."""
    _more: list[Json] = field(default_factory=list[Json])
    """What else must hold, and has no keyword left to stand under."""

    @classmethod
    def visible(cls, draft: Draft, original: dict[str, Json]) -> dict[str, Json]:
        """Return the keywords of an object that its draft looks at."""
        if draft.lonely_reference and isinstance(original.get("$ref"), str):
            return {key: part for key, part in original.items() if key in _BESIDE_A_REFERENCE}
        return original

    def write(self) -> dict[str, Json]:
        """Return the object in the words of 2020-12."""
        for keyword, value in self.original.items():
            reword = _TABLES.get(self.draft.name, _REWORDED).get(keyword)
            if reword is not None and (self._knows(keyword) or self.draft is OPENAPI_3_1):
                reword(self, value)
            elif keyword == "$schema":
                continue
            elif keyword in self.draft.keywords or keyword not in KNOWN:
                self.result[keyword] = self._with_parts(keyword, value)
            elif isinstance(value, _NOTES.get(keyword, ())):
                self.result[keyword] = value
        if self._more:
            self.result["allOf"] = [*self.result.get("allOf", []), *self._more]
        return self.result

    def _knows(self, keyword: str) -> bool:
        return keyword in self.draft.keywords or keyword == "additionalItems"

    def _with_parts(self, keyword: str, value: Json) -> Json:
        """Translate the schemas in a keyword that means the same in both drafts."""
        if keyword not in self.draft.keywords:
            return value
        if keyword in ONE and not is_list(value):
            return self.child(value, (keyword,), (keyword,))
        if keyword in LIST and is_list(value):
            return [
                self.child(item, (keyword, index), (keyword, index))
                for index, item in enumerate(value)
            ]
        if keyword in NAMED and is_object(value):
            return {
                name: self.child(item, (keyword, name), (keyword, name))
                for name, item in value.items()
            }
        return value

    def identifier(self, value: Json) -> None:
        """Translate `$id` or `id`, which made anchors too: `#name`."""
        if not isinstance(value, str):
            self.result["$id"] = value
            return
        uri, _, name = value.partition("#")
        if uri:
            self.result["$id"] = uri
        if is_anchor(name):
            self.result["$anchor"] = name

    def anchor(self, value: Json) -> None:
        """Keep an anchor, if 2020-12 allows its name; references to others lead by pointer."""
        if not isinstance(value, str) or is_anchor(value):
            self.result["$anchor"] = value

    def items(self, value: Json) -> None:
        """Translate `items`, which was a list of schemas too, and `additionalItems` after those."""
        if not is_list(value):
            self.result["items"] = self.child(value, ("items",), ("items",))
            return
        self.result["prefixItems"] = [
            self.child(item, ("items", index), ("prefixItems", index))
            for index, item in enumerate(value)
        ]
        if not value:  # allowed in draft 2019-09, and says nothing
            del self.result["prefixItems"]
        if "additionalItems" in self.original:
            rest = self.original["additionalItems"]
            self.result["items"] = self.child(rest, ("additionalItems",), ("items",))

    def dependencies(self, value: Json) -> None:
        """Divide `dependencies` in two: names that are required, and schemas that hold."""
        if not is_object(value):
            self.result["dependentRequired"] = value
            return
        names = {key: item for key, item in value.items() if is_list(item)}
        schemas = {key: item for key, item in value.items() if not is_list(item)}
        if names:
            self._also("dependentRequired", names, ())
        if schemas:
            place = self._place_of("dependentSchemas")
            written = {
                key: self.child(item, ("dependencies", key), (*place, "dependentSchemas", key))
                for key, item in schemas.items()
            }
            self._also("dependentSchemas", written, place)

    def _place_of(self, keyword: str) -> Pointer:
        """Return where a keyword can stand: here, or in a part of its own if it is taken."""
        if keyword not in self.original or keyword not in self.draft.keywords:
            return ()
        beside: Json = self.original.get("allOf")
        return ("allOf", (len(beside) if is_list(beside) else 0) + len(self._more))

    def _also(self, keyword: str, value: Json, place: Pointer) -> None:
        if place or self._place_of(keyword):
            self._more.append({keyword: value})
        else:
            self.result[keyword] = value

    def limit(self, keyword: str, exclusive: str, value: Json) -> None:
        """Translate a bound, which another keyword made exclusive in draft 4."""
        strict = exclusive in self.draft.keywords and self.original.get(exclusive) is True
        self.result[exclusive if strict else keyword] = value

    def exclusive(self, keyword: str, value: Json) -> None:
        """Keep an exclusive bound of draft 6 and later; in draft 4 it says something of another."""
        if not isinstance(value, bool):
            self.result[keyword] = value

    def recursive_reference(self, _value: Json) -> None:
        """Translate `$recursiveRef`, which leads on only where the resource allows it."""
        target: Json = {"$dynamicRef": f"#{RECURSIVE}"} if self.recursive else {"$ref": "#"}
        if self.original.keys() & {"$ref", "$dynamicRef"}:
            self._more.append(target)
        else:
            self.result |= target

    def recursive_anchor(self, value: Json) -> None:
        """Translate `$recursiveAnchor`, which counts at the root of a resource."""
        if value is True and self.is_root:
            self.result["$dynamicAnchor"] = RECURSIVE

    def type_(self, value: Json) -> None:
        """Translate `type`, to which `nullable` adds null in OpenAPI 3.0."""
        nullable = "nullable" in self.draft.keywords and self.original.get("nullable") is True
        self.result["type"] = [value, "null"] if nullable and isinstance(value, str) else value

    def example(self, value: Json) -> None:
        """Translate the one `example` of OpenAPI 3.0."""
        self.result["examples"] = [value]

    def former_bound(self, keyword: str, value: Json) -> None:
        """Leave out the exclusive bound of draft 4, which its `minimum` or `maximum` has become."""
        if isinstance(value, bool):
            self.former.append(keyword)
        else:
            self.result[keyword] = value

    def former_required(self, value: Json) -> None:
        """Keep each name once, as 2020-12 wants it."""
        self.result["required"] = value
        if is_list(value) and all(isinstance(name, str) for name in value):
            names = list(dict.fromkeys(value))
            if len(names) < len(value):
                self.former.append("required")
                self.result["required"] = names

    def former_anchor(self, value: Json) -> None:
        """Leave out `$recursiveAnchor` of draft 2019-09, which 2020-12 does not know."""
        if isinstance(value, bool):
            self.former.append("$recursiveAnchor")
        else:
            self.result["$recursiveAnchor"] = value

    def drop(self, _value: Json) -> None:
        """Leave out what another keyword has said."""


_Reword: TypeAlias = Callable[[Rewording, Json], None]

_REWORDED: dict[str, _Reword] = {
    "$id": Rewording.identifier,
    "id": Rewording.identifier,
    "$anchor": Rewording.anchor,
    "items": Rewording.items,
    "additionalItems": Rewording.drop,
    "dependencies": Rewording.dependencies,
    "minimum": lambda self, value: self.limit("minimum", "exclusiveMinimum", value),
    "maximum": lambda self, value: self.limit("maximum", "exclusiveMaximum", value),
    "exclusiveMinimum": lambda self, value: self.exclusive("exclusiveMinimum", value),
    "exclusiveMaximum": lambda self, value: self.exclusive("exclusiveMaximum", value),
    "$recursiveRef": Rewording.recursive_reference,
    "$recursiveAnchor": Rewording.recursive_anchor,
    "type": Rewording.type_,
    "nullable": Rewording.drop,
    "example": Rewording.example,
}

_TABLES: dict[str, dict[str, _Reword]] = {
    LATEST.name: {},
    OPENAPI_3_1.name: {
        "minimum": _REWORDED["minimum"],
        "maximum": _REWORDED["maximum"],
        "exclusiveMinimum": lambda self, value: self.former_bound("exclusiveMinimum", value),
        "exclusiveMaximum": lambda self, value: self.former_bound("exclusiveMaximum", value),
        "required": Rewording.former_required,
        "$recursiveAnchor": Rewording.former_anchor,
    },
}
"""What is reworded of drafts that mean 2020-12; all others have the table above."""
