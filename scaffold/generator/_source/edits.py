"""Edits of a file, addressed by JSON Pointers: rules that make fixes need not know the text."""

from dataclasses import dataclass
from typing import TypeAlias

from scaffold.generator.ir import Json

_Pointer: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Rename:
    """Give the key at a pointer another name."""

    file: str
    at: _Pointer
    name: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Put another value at a pointer."""

    file: str
    at: _Pointer
    value: Json


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the key, or the item of a list, at a pointer."""

    file: str
    at: _Pointer


@dataclass(frozen=True, slots=True)
class Insert:
    """Put another key in front of the one at a pointer."""

    file: str
    at: _Pointer
    name: str
    value: Json


Edit: TypeAlias = Rename | Replace | Remove | Insert


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together: all of them are made, or none."""

    edits: tuple[Edit, ...]
    safe: bool = True
    """False if a value that was accepted may be refused afterwards, or the other way round."""
