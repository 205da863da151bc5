"""How many copies of one part of a text the errors of pydantic may hold.

Each error of pydantic has the value that it is about, as Python objects of its own. A missing
property has the whole object, and each member of a union has the whole value. So a text of a
recursive type is copied once or more at each level: a megabyte below 150 levels became 900 MB.
"""

from typing import Final

from scaffold.contract._json import MAX_DEPTH, Json, is_object
from scaffold.contract._unions.cost import union_members


def max_error_copies(core_schema: Json) -> int:
    """Return the most copies of one part of a text that a refusal by a type may hold.

    Args:
        core_schema: The core schema that pydantic made of the type. Its lists and dictionaries
            stop at the first wrong item.
    """
    return _Copies(core_schema.get("definitions", [])).of(core_schema)


class _Copies:
    def __init__(self, definitions: list[Json]) -> None:
        self._definitions = {each["ref"]: each for each in definitions}
        self._known: dict[str, int] = {}
        self._open: set[str] = set()
        self._recursive: set[str] = set()

    def of(self, node: Json) -> int:
        """Return the most copies of a value that the errors of a node hold."""
        match node["type"]:
            case "definition-ref":
                return self._follow(node["schema_ref"])
            case "model-fields":
                parts: list[Json] = [each["schema"] for each in node["fields"].values()]
                required: int = sum(each["type"] != "default" for each in parts)
                return required + max(map(self.of, parts), default=1)
            case "union":
                return sum(map(self.of, union_members(node)))
            case "tagged-union":
                return max(map(self.of, node["choices"].values()))
            case _:
                inner = [node[name] for name in _INNER if is_object(node.get(name))]
                return max(map(self.of, inner), default=1)

    def _follow(self, reference: str) -> int:
        if reference in self._open:
            self._recursive.add(reference)
            return 1
        if reference not in self._known:
            self._open.add(reference)
            copies = self.of(self._definitions[reference])
            self._open.discard(reference)
            levels = MAX_DEPTH if reference in self._recursive and copies > 1 else 1
            self._known[reference] = copies * levels
        return self._known[reference]


_INNER: Final = ("schema", "items_schema", "values_schema", "json_schema")
"""The keys with the inner nodes of a node that accepts what they accept."""
