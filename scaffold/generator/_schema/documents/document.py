"""One schema document: a file, or a schema written inside the hookspec."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from scaffold.generator._schema.dialects.translate_document import Translation
from scaffold.generator._schema.dialects.vocabulary import subschemas
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.source_text import Pointer, SourceFile
from scaffold.generator.ir import Json

REFERENCE_KEYWORDS = ("$ref", "$dynamicRef")
"""The keywords that lead to another schema."""


@dataclass(eq=False)
class ReferenceTargets:
    """What the references of a document lead to, as far as they were followed."""

    followed: int = 0
    """How many references were followed: a document may gain more of them."""
    targets: dict["Document", None] = field(default_factory=dict["Document", None])
    """The documents that they lead to, nearest first."""
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    """The references that lead nowhere."""


@dataclass(frozen=True, eq=False)
class Document:
    """One schema document: a file, or a schema written inside the hookspec."""

    source: SourceFile
    at: Pointer
    """Where in the source it stands."""
    value: Json
    uri: str
    """Its `$id`, or a URI that stands for its file: what its references are relative to."""
    path: PurePosixPath
    """Its file, relative to the folder of the kind."""
    translation: Translation | None = None
    """How it was read, if it is not of draft 2020-12."""
    reference_targets: ReferenceTargets = field(default_factory=ReferenceTargets)

    @cached_property
    def references(self) -> list[tuple[Json, str]]:
        """Every schema object in it that refers, and the keyword it does so by, outermost first."""
        return _references(self.value)

    def add_hoisted(self, piece: Json) -> None:
        """Take in a schema that only a reference made one: its references count as well."""
        for schema, keyword in _references(piece):
            if (id(schema), keyword) not in self._known:
                self._known.add((id(schema), keyword))
                self.references.append((schema, keyword))

    @cached_property
    def _known(self) -> set[tuple[int, str]]:
        return {(id(schema), keyword) for schema, keyword in self.references}

    def place(self, at: Pointer) -> Pointer:
        """Return where in the source stands what stands in the value at `at`."""
        return (
            *self.at,
            *(at if self.translation is None else self.translation.original_place(at)),
        )


def _references(schema: Json) -> list[tuple[Json, str]]:
    found: list[tuple[Json, str]] = []
    pending = [schema]
    while pending:
        current = pending.pop()
        if is_object(current):
            found += [(current, keyword) for keyword in REFERENCE_KEYWORDS if keyword in current]
        pending += [inner for _, inner in reversed(subschemas(current))]
    return found
