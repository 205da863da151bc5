"""Translates one schema object of an older draft into 2020-12 with the same meaning."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from scaffold.generator._schema.dialects.drafts import DRAFT_2020_12, OPENAPI_3_1, Draft
from scaffold.generator._schema.dialects.vocabulary import (
    KNOWN_KEYWORDS,
    SCHEMA_KEYWORDS,
    SCHEMA_LIST_KEYWORDS,
    SCHEMA_MAP_KEYWORDS,
)
from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

RECURSIVE_ANCHOR = "recursive_anchor"
"""The dynamic anchor that stands for `$recursiveAnchor: true` of draft 2019-09."""

_ALLOWED_NEXT_TO_REF = frozenset({"$ref", "$comment", "title", "description", "definitions"})
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
class KeywordTranslator:
    """Writes one schema object; the schemas in it are written by `child`."""

    draft: Draft
    original: dict[str, Json]
    translate_child: Callable[[Json, Pointer, Pointer], Json]
    """Takes a schema in the original, the way to it there, and the way to it in the result."""
    recursive: bool
    """True if the resource around it has `$recursiveAnchor: true`."""
    is_root: bool = False
    """True at the root of a document or of what has an `$id`."""
    result: dict[str, Json] = field(default_factory=dict[str, Json])
    old_keywords: list[str] = field(default_factory=list[str])
    """Keywords of an OpenAPI 3.1 description that were written as in a former draft."""
    _extra_schemas: list[Json] = field(default_factory=list[Json])
    """What else must hold, and has no keyword left to stand under."""

    @classmethod
    def visible(cls, draft: Draft, original: dict[str, Json]) -> dict[str, Json]:
        """Return the keywords of an object that its draft looks at."""
        if draft.ref_hides_siblings and isinstance(original.get("$ref"), str):
            return {key: part for key, part in original.items() if key in _ALLOWED_NEXT_TO_REF}
        return original

    def translate(self) -> dict[str, Json]:
        """Return the object in the words of 2020-12."""
        for keyword, value in self.original.items():
            reword = _TABLES.get(self.draft.name, _TRANSLATED).get(keyword)
            if reword is not None and (self._knows(keyword) or self.draft is OPENAPI_3_1):
                reword(self, value)
            elif keyword == "$schema":
                continue
            elif keyword in self.draft.keywords or keyword not in KNOWN_KEYWORDS:
                self.result[keyword] = self._with_parts(keyword, value)
            elif isinstance(value, _NOTES.get(keyword, ())):
                self.result[keyword] = value
        if self._extra_schemas:
            self.result["allOf"] = [*self.result.get("allOf", []), *self._extra_schemas]
        return self.result

    def _knows(self, keyword: str) -> bool:
        return keyword in self.draft.keywords or keyword == "additionalItems"

    def _with_parts(self, keyword: str, value: Json) -> Json:
        """Translate the schemas in a keyword that means the same in both drafts."""
        if keyword not in self.draft.keywords:
            return value
        if keyword in SCHEMA_KEYWORDS and not is_list(value):
            return self.translate_child(value, (keyword,), (keyword,))
        if keyword in SCHEMA_LIST_KEYWORDS and is_list(value):
            return [
                self.translate_child(item, (keyword, index), (keyword, index))
                for index, item in enumerate(value)
            ]
        if keyword in SCHEMA_MAP_KEYWORDS and is_object(value):
            return {
                name: self.translate_child(item, (keyword, name), (keyword, name))
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
            self.result["items"] = self.translate_child(value, ("items",), ("items",))
            return
        self.result["prefixItems"] = [
            self.translate_child(item, ("items", index), ("prefixItems", index))
            for index, item in enumerate(value)
        ]
        if not value:  # allowed in draft 2019-09, and says nothing
            del self.result["prefixItems"]
        if "additionalItems" in self.original:
            rest = self.original["additionalItems"]
            self.result["items"] = self.translate_child(rest, ("additionalItems",), ("items",))

    def dependencies(self, value: Json) -> None:
        """Divide `dependencies` in two: names that are required, and schemas that hold."""
        if not is_object(value):
            self.result["dependentRequired"] = value
            return
        names = {key: item for key, item in value.items() if is_list(item)}
        schemas = {key: item for key, item in value.items() if not is_list(item)}
        if names:
            self._add_keyword("dependentRequired", names, ())
        if schemas:
            place = self._place_of("dependentSchemas")
            written = {
                key: self.translate_child(
                    item, ("dependencies", key), (*place, "dependentSchemas", key)
                )
                for key, item in schemas.items()
            }
            self._add_keyword("dependentSchemas", written, place)

    def _place_of(self, keyword: str) -> Pointer:
        """Return where a keyword can stand: here, or in a part of its own if it is taken."""
        if keyword not in self.original or keyword not in self.draft.keywords:
            return ()
        siblings: Json = self.original.get("allOf")
        return ("allOf", (len(siblings) if is_list(siblings) else 0) + len(self._extra_schemas))

    def _add_keyword(self, keyword: str, value: Json, place: Pointer) -> None:
        if place or self._place_of(keyword):
            self._extra_schemas.append({keyword: value})
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
        target: Json = {"$dynamicRef": f"#{RECURSIVE_ANCHOR}"} if self.recursive else {"$ref": "#"}
        if self.original.keys() & {"$ref", "$dynamicRef"}:
            self._extra_schemas.append(target)
        else:
            self.result |= target

    def recursive_anchor(self, value: Json) -> None:
        """Translate `$recursiveAnchor`, which counts at the root of a resource."""
        if value is True and self.is_root:
            self.result["$dynamicAnchor"] = RECURSIVE_ANCHOR

    def type_(self, value: Json) -> None:
        """Translate `type`, to which `nullable` adds null in OpenAPI 3.0."""
        nullable = "nullable" in self.draft.keywords and self.original.get("nullable") is True
        self.result["type"] = [value, "null"] if nullable and isinstance(value, str) else value

    def example(self, value: Json) -> None:
        """Translate the one `example` of OpenAPI 3.0."""
        self.result["examples"] = [value]

    def openapi_bound(self, keyword: str, value: Json) -> None:
        """Leave out the exclusive bound of draft 4, which its `minimum` or `maximum` has become."""
        if isinstance(value, bool):
            self.old_keywords.append(keyword)
        else:
            self.result[keyword] = value

    def openapi_required(self, value: Json) -> None:
        """Keep each name once, as 2020-12 wants it."""
        self.result["required"] = value
        if is_list(value) and all(isinstance(name, str) for name in value):
            names = list(dict.fromkeys(value))
            if len(names) < len(value):
                self.old_keywords.append("required")
                self.result["required"] = names

    def openapi_anchor(self, value: Json) -> None:
        """Leave out `$recursiveAnchor` of draft 2019-09, which 2020-12 does not know."""
        if isinstance(value, bool):
            self.old_keywords.append("$recursiveAnchor")
        else:
            self.result["$recursiveAnchor"] = value

    def drop(self, _value: Json) -> None:
        """Leave out what another keyword has said."""


_TranslateKeyword: TypeAlias = Callable[[KeywordTranslator, Json], None]

_TRANSLATED: dict[str, _TranslateKeyword] = {
    "$id": KeywordTranslator.identifier,
    "id": KeywordTranslator.identifier,
    "$anchor": KeywordTranslator.anchor,
    "items": KeywordTranslator.items,
    "additionalItems": KeywordTranslator.drop,
    "dependencies": KeywordTranslator.dependencies,
    "minimum": lambda self, value: self.limit("minimum", "exclusiveMinimum", value),
    "maximum": lambda self, value: self.limit("maximum", "exclusiveMaximum", value),
    "exclusiveMinimum": lambda self, value: self.exclusive("exclusiveMinimum", value),
    "exclusiveMaximum": lambda self, value: self.exclusive("exclusiveMaximum", value),
    "$recursiveRef": KeywordTranslator.recursive_reference,
    "$recursiveAnchor": KeywordTranslator.recursive_anchor,
    "type": KeywordTranslator.type_,
    "nullable": KeywordTranslator.drop,
    "example": KeywordTranslator.example,
}

_TABLES: dict[str, dict[str, _TranslateKeyword]] = {
    DRAFT_2020_12.name: {},
    OPENAPI_3_1.name: {
        "minimum": _TRANSLATED["minimum"],
        "maximum": _TRANSLATED["maximum"],
        "exclusiveMinimum": lambda self, value: self.openapi_bound("exclusiveMinimum", value),
        "exclusiveMaximum": lambda self, value: self.openapi_bound("exclusiveMaximum", value),
        "required": KeywordTranslator.openapi_required,
        "$recursiveAnchor": KeywordTranslator.openapi_anchor,
    },
}
"""What is reworded of drafts that mean 2020-12; all others have the table above."""
