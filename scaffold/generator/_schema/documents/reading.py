"""Read a schema document: in which draft it is written, whether it is sound, what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urldefrag, urljoin

from scaffold.generator._schema.dialects.dialect import in_standard_terms, unknown_vocabularies
from scaffold.generator._schema.dialects.drafts import (
    LATEST,
    Draft,
    description_draft,
    draft_of,
    mixes_drafts,
)
from scaffold.generator._schema.dialects.translate_document import Translation
from scaffold.generator._schema.dialects.vocabulary import holds_together
from scaffold.generator._schema.documents.document import Document
from scaffold.generator._schema.documents.files import SchemaFiles
from scaffold.generator._schema.documents.validate import check_draft, check_schema, not_a_dialect
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.pointers import part
from scaffold.generator._source.source_text import Pointer, Source
from scaffold.generator.ir import Json

__all__ = ["Reader"]


@dataclass(frozen=True)
class Reader:
    """Reads the documents of one kind. Problems are collected, not raised."""

    store: SchemaFiles
    problems: list[Diagnostic]
    metaschemas: set[PurePosixPath]
    """The files of dialects that schemas are written in."""

    def read(
        self, source: Source, at: Pointer, value: Json, uri: str, path: PurePosixPath
    ) -> Document | None:
        """Read one document; `None` if its problems leave nothing to go on with."""
        draft = description_draft(value) if not at else None
        is_description = draft is not None
        draft = draft or self._draft(value)
        if draft is None:
            self.problems.append(not_a_dialect(source, (*at, "$schema"), value["$schema"]))
            return None
        translation = None
        if is_description or draft is not LATEST or mixes_drafts(value):
            translation = Translation(
                value, [uri], draft, self._draft_named, container=is_description
            )
            problems = self._faults(source, at, translation, is_description=is_description)
            value = translation.value
        else:
            value = self._in_standard_terms(source, at, value)
            problems = check_schema(source, at, value)
        self.problems.extend(problems)
        if problems and not self._can_be_followed(problems, value):
            return None
        identifier = value.get("$id", "") if is_object(value) else ""
        own = urldefrag(urljoin(uri, identifier))[0]
        document = Document(source, at, value, own, path, translation)
        if translation is not None:
            self.take_pieces(document, 0)
        return document

    def take_pieces(self, document: Document, known: int) -> list[tuple[Pointer, Json]]:
        """Check what references made schemas, all but the first `known`, and return it.

        Raises `SpecError` if nothing can be made of a piece.
        """
        translation = document.translation
        assert translation is not None
        found: list[tuple[Pointer, Json]] = []
        for piece in translation.pieces[known:]:
            value = part(document.value, piece.place)
            problems = check_draft(
                document.source, document.at, translation, piece.origin, piece.draft
            ) or check_schema(document.source, document.at, value, _below(translation, piece.place))
            self._keep(problems, value)
            found.append((piece.place, value))
            document.grow(value)
        return found

    def take_part(self, document: Document, at: Pointer, value: Json) -> None:
        """Check what a reference makes a schema, below an unknown keyword of 2020-12."""
        self._keep(check_schema(document.source, (*document.at, *at), value), value)
        document.grow(value)

    def _keep(self, problems: list[Diagnostic], value: Json) -> None:
        self.problems.extend(problems)
        if problems and not holds_together(value):
            raise SpecError(self.problems)

    def _faults(
        self, source: Source, at: Pointer, translation: Translation, *, is_description: bool
    ) -> list[Diagnostic]:
        unknown = [
            not_a_dialect(source, (*at, *place), dialect) for place, dialect in translation.unknown
        ]
        if unknown or is_description:
            return unknown
        own = check_draft(source, at, translation, (), translation.draft)
        return own or check_schema(source, at, translation.value, translation.origin)

    def _draft(self, value: Json) -> Draft | None:
        if not is_object(value) or "$schema" not in value:
            return LATEST
        return self._draft_named(value["$schema"])

    def _draft_named(self, dialect: Json) -> Draft | None:
        """Return the draft that `$schema` names, or that a meta-schema of the folder is made of."""
        known = draft_of(dialect)
        path = self._metaschema(dialect) if known is None else None
        if path is None:
            return known
        metaschema = self.store.read(path).value
        made_of = metaschema.get("$schema") if is_object(metaschema) else None
        return draft_of(made_of) or LATEST

    def _metaschema(self, dialect: Json) -> PurePosixPath | None:
        if not isinstance(dialect, str):
            return None
        path = self.store.copy(dialect) or self.store.by_identifier.get(dialect.rstrip("#"))
        if path is not None:
            self.metaschemas.add(path)
        return path

    def _in_standard_terms(self, source: Source, at: Pointer, value: Json) -> Json:
        """Translate a schema of a dialect whose meta-schema lies in the folder."""
        dialect: Json = value.get("$schema") if is_object(value) else None
        if dialect is None or draft_of(dialect) is not None:
            return value
        path = self._metaschema(dialect)
        assert path is not None
        metaschema = self.store.read(path).value
        for uri in unknown_vocabularies(metaschema):
            message = f"the dialect requires the vocabulary '{uri}', which is not known"
            advice = "use the vocabularies of JSON Schema 2020-12; 'format' is an annotation"
            at_dialect = (*at, "$schema")
            self.problems.append(source.problem(at_dialect, "unknown-vocabulary", message, advice))
        return in_standard_terms(value, metaschema)

    @staticmethod
    def _can_be_followed(problems: list[Diagnostic], schema: Json) -> bool:
        """Tell whether the references of a faulty schema mean what they say: all is told then."""
        return holds_together(schema) and all(one.code != "schema-dialect" for one in problems)


def _below(translation: Translation, place: Pointer) -> Callable[[Pointer], Pointer]:
    return lambda at: translation.origin((*place, *at))
