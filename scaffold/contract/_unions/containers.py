"""Readers of unions, and of containers with unions inside: each part is read once."""

from typing import Any, Final, TypeGuard

from scaffold.contract._json.types import Json
from scaffold.contract._unions.cost import ARRAY, OBJECT, accepted_containers, union_members
from scaffold.contract._unions.match_score import (
    Match,
    NodeReader,
    ReadCache,
    ReaderSource,
    combine_matches,
    is_better,
)

_ANYTHING: Final = {"type": "any"}


class _UnionReader:
    """Reads a union by the member that fits best."""

    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._first = node.get("mode") == "left_to_right"
        members = [
            (readers.of(each), accepted_containers(each, readers.definitions))
            for each in union_members(node)
        ]
        self._all = [reader for reader, _ in members]
        self._objects = [reader for reader, sorts in members if OBJECT in sorts]
        self._arrays = [reader for reader, sorts in members if ARRAY in sorts]

    def read(self, value: Any, run: ReadCache) -> Match | None:
        if _is_dict(value):
            members = self._objects
        elif _is_list(value):
            members = self._arrays
        else:
            members = self._all
        if len(members) == 1:
            return members[0].read(value, run)
        best: Match | None = None
        for member in members:
            fit = member.read(value, run)
            if fit is None:
                continue
            if self._first or (fit.is_exact and fit.fields is None):
                return fit
            if best is None or is_better(fit, best):
                best = fit
        return best


class _TaggedUnionReader:
    """Reads a union whose members have different values of a tag property."""

    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._members = {tag: readers.of(each) for tag, each in node["choices"].items()}
        self._all = list(self._members.values())
        tag = node["discriminator"]
        self._tags = [tag] if isinstance(tag, str) else [path[0] for path in tag]

    def read(self, value: Any, run: ReadCache) -> Match | None:
        for name in self._tags:
            tag = value.get(name) if _is_dict(value) else getattr(value, name, None)
            member = self._members.get(tag) if isinstance(tag, str | int) else None
            if member is not None:
                return member.read(value, run)
        return None


class _NullableReader:
    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._inner = readers.of(node["schema"])

    def read(self, value: Any, run: ReadCache) -> Match | None:
        return Match(None) if value is None else self._inner.read(value, run)


class _ListReader:
    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._items = readers.of(node.get("items_schema", _ANYTHING))
        self._least, self._most = node.get("min_length") or 0, node.get("max_length")

    def read(self, value: Any, run: ReadCache) -> Match | None:
        if not _is_list(value) or len(value) < self._least:
            return None
        if self._most is not None and len(value) > self._most:
            return None
        key = id(self), id(value)
        if key not in run.known:
            fits: list[Match] = []
            for item in value:
                fit = self._items.read(item, run)
                if fit is None:
                    break
                fits.append(fit)
            whole = len(fits) == len(value)
            run.known[key] = combine_matches([fit.value for fit in fits], fits) if whole else None
        return run.known[key]


class _DictReader:
    def prepare(self, node: Json, readers: ReaderSource) -> None:
        self._names = readers.of(node.get("keys_schema", _ANYTHING))
        self._values = readers.of(node.get("values_schema", _ANYTHING))

    def read(self, value: Any, run: ReadCache) -> Match | None:
        if not _is_dict(value):
            return None
        key = id(self), id(value)
        if key not in run.known:
            fits: list[Match] = []
            for name, part in value.items():
                fit = self._values.read(part, run)
                if fit is None or self._names.read(name, run) is None:
                    break
                fits.append(fit)
            whole = len(fits) == len(value)
            made = dict(zip(value, [fit.value for fit in fits], strict=False))
            run.known[key] = combine_matches(made, fits) if whole else None
        return run.known[key]


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return type(value) is list


def _is_dict(value: Any) -> TypeGuard[dict[Any, Any]]:
    return type(value) is dict


CONTAINER_READERS: Final[dict[str, type[NodeReader]]] = {
    "union": _UnionReader,
    "tagged-union": _TaggedUnionReader,
    "nullable": _NullableReader,
    "list": _ListReader,
    "dict": _DictReader,
}
"""The readers of nodes that may have unions inside, by node type, without models."""
