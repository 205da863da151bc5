"""Read a schema document: find its file, detect its draft, validate it, translate it to 2020-12.

Files are those of one kind: in its folder, and nothing outside of it.
"""

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urldefrag, urljoin

from scaffold.generator._schema.dialects.drafts import (
    DRAFT_2020_12,
    Draft,
    description_draft,
    draft_of,
    has_mixed_drafts,
    to_standard_dialect,
    unknown_vocabularies,
)
from scaffold.generator._schema.dialects.translate_document import Translation
from scaffold.generator._schema.dialects.vocabulary import DIALECT, is_walkable
from scaffold.generator._schema.documents.document import Document
from scaffold.generator._schema.documents.validate import (
    check_draft,
    check_schema,
    unknown_dialect_error,
)
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.pointers import resolve_pointer
from scaffold.generator._source.read_json import read_json
from scaffold.generator._source.source_text import NO_OVERRIDES, Pointer, SourceFile, TextOverrides
from scaffold.generator._source.yaml_text import read_yaml
from scaffold.generator.ir import Json

_SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(frozen=True)
class SchemaFiles:
    """Finds and reads the JSON and YAML files in a folder; paths are relative to it."""

    folder: Path | None
    """`None` has no files at all."""
    remotes: Mapping[str, str] = field(default_factory=dict[str, str])
    """The folders, inside this one, that stand for URIs that begin with a prefix."""
    texts: TextOverrides = field(default_factory=lambda: NO_OVERRIDES)
    _folders: dict[Path, Path] = field(default_factory=dict[Path, Path])
    """What folders really are."""

    @property
    def display_prefix(self) -> str:
        """The folder as it is printed before a file's name: empty, or ending with `/`."""
        return "" if self.folder in (None, Path()) else f"{self.folder.as_posix()}/"

    def path_inside(self, reference: str) -> PurePosixPath | None:
        """Return a path within the folder, or `None` if the reference leaves it."""
        path = PurePosixPath(posixpath.normpath(reference))
        if not reference or any(character in reference for character in "\\\0:"):
            return None
        if path.is_absolute() or path.parts[:1] == ("..",):
            return None
        if self.folder is None:
            return path
        file = self.folder / path
        real = Path(os.path.realpath(file)) if file.is_symlink() else self._real(file.parent)
        return path if real.is_relative_to(self._real(self.folder)) else None

    def _real(self, folder: Path) -> Path:
        # Many files are of one folder, and to follow links takes longer than to read a file.
        if folder not in self._folders:
            self._folders[folder] = Path(os.path.realpath(folder))
        return self._folders[folder]

    def has(self, path: PurePosixPath) -> bool:
        """Tell whether there is such a file."""
        return self.folder is not None and (self.folder / path).is_file()

    def read(self, path: PurePosixPath) -> SourceFile:
        """Read a file; raise `SpecError` if it is not JSON, or YAML by its name."""
        assert self.folder is not None
        read = read_yaml if path.suffix in (".yaml", ".yml") else read_json
        return read(self.folder / path, f"{self.display_prefix}{path}", self.texts)

    def local_copy(self, uri: str) -> PurePosixPath | None:
        """Return the copy of what a URI means, if there is one in the folder of a remote."""
        for prefix, folder in self.remotes.items():
            path = self.path_inside(f"{folder}/{unquote(uri.removeprefix(prefix))}")
            if uri.startswith(prefix) and path is not None and self.has(path):
                return path
        return None

    def uri(self, path: PurePosixPath) -> str | None:
        """Return the URI of a file in the folder of a remote; `None` for all others."""
        for prefix, folder in self.remotes.items():
            root = PurePosixPath(posixpath.normpath(folder))
            if path.is_relative_to(root):
                return prefix + quote(str(path.relative_to(root)))
        return None

    @cached_property
    def by_identifier(self) -> dict[str, PurePosixPath]:
        """The files whose schema has an `$id`, by that."""
        found: dict[str, PurePosixPath] = {}
        files = self.folder.rglob("*") if self.folder else ()
        for file in sorted(file for file in files if file.suffix in _SUFFIXES):
            path = self.path_inside(file.relative_to(self.folder or "").as_posix())
            try:
                value = self.read(path).value if path is not None else None
            except SpecError:
                continue
            draft = draft_of(value.get("$schema", DIALECT)) if is_object(value) else None
            identifier: object = (
                value.get(draft.identifier if draft else "$id") if is_object(value) else None
            )
            if isinstance(identifier, str) and path is not None:
                found.setdefault(urldefrag(identifier)[0], path)
        return found


@dataclass(frozen=True)
class DocumentReader:
    """Reads the documents of one kind. Problems are collected, not raised."""

    schema_files: SchemaFiles
    problems: list[Diagnostic]
    metaschemas: set[PurePosixPath]
    """The files of dialects that schemas are written in."""

    def read(
        self, source: SourceFile, at: Pointer, value: Json, uri: str, path: PurePosixPath
    ) -> Document | None:
        """Read one document; `None` if its problems leave nothing to go on with."""
        draft = description_draft(value) if not at else None
        is_description = draft is not None
        draft = draft or self._draft(value)
        if draft is None:
            self.problems.append(unknown_dialect_error(source, (*at, "$schema"), value["$schema"]))
            return None
        translation = None
        if is_description or draft is not DRAFT_2020_12 or has_mixed_drafts(value):
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
            self.register_hoisted(document, 0)
        return document

    def register_hoisted(self, document: Document, known: int) -> list[tuple[Pointer, Json]]:
        """Check what references made schemas, all but the first `known`, and return it.

        Raises `SpecError` if nothing can be made of a piece.
        """
        translation = document.translation
        assert translation is not None
        found: list[tuple[Pointer, Json]] = []
        for piece in translation.hoisted[known:]:
            value = resolve_pointer(document.value, piece.place)
            problems = check_draft(
                document.source, document.at, translation, piece.origin, piece.draft
            ) or check_schema(document.source, document.at, value, _below(translation, piece.place))
            self._keep(problems, value)
            found.append((piece.place, value))
            document.add_hoisted(value)
        return found

    def check_hoisted(self, document: Document, at: Pointer, value: Json) -> None:
        """Check what a reference makes a schema, below an unknown keyword of 2020-12."""
        self._keep(check_schema(document.source, (*document.at, *at), value), value)
        document.add_hoisted(value)

    def _keep(self, problems: list[Diagnostic], value: Json) -> None:
        self.problems.extend(problems)
        if problems and not is_walkable(value):
            raise SpecError(self.problems)

    def _faults(
        self, source: SourceFile, at: Pointer, translation: Translation, *, is_description: bool
    ) -> list[Diagnostic]:
        unknown = [
            unknown_dialect_error(source, (*at, *place), dialect)
            for place, dialect in translation.unknown
        ]
        if unknown or is_description:
            return unknown
        own = check_draft(source, at, translation, (), translation.draft)
        return own or check_schema(source, at, translation.value, translation.original_place)

    def _draft(self, value: Json) -> Draft | None:
        if not is_object(value) or "$schema" not in value:
            return DRAFT_2020_12
        return self._draft_named(value["$schema"])

    def _draft_named(self, dialect: Json) -> Draft | None:
        """Return the draft that `$schema` names, or that a meta-schema of the folder is made of."""
        known = draft_of(dialect)
        path = self._metaschema(dialect) if known is None else None
        if path is None:
            return known
        metaschema = self.schema_files.read(path).value
        made_of = metaschema.get("$schema") if is_object(metaschema) else None
        return draft_of(made_of) or DRAFT_2020_12

    def _metaschema(self, dialect: Json) -> PurePosixPath | None:
        if not isinstance(dialect, str):
            return None
        path = self.schema_files.local_copy(dialect) or self.schema_files.by_identifier.get(
            dialect.rstrip("#")
        )
        if path is not None:
            self.metaschemas.add(path)
        return path

    def _in_standard_terms(self, source: SourceFile, at: Pointer, value: Json) -> Json:
        """Translate a schema of a dialect whose meta-schema lies in the folder."""
        dialect: Json = value.get("$schema") if is_object(value) else None
        if dialect is None or draft_of(dialect) is not None:
            return value
        path = self._metaschema(dialect)
        assert path is not None
        metaschema = self.schema_files.read(path).value
        for uri in unknown_vocabularies(metaschema):
            message = f"the dialect requires the vocabulary '{uri}', which is not supported"
            hint = "use the vocabularies of JSON Schema 2020-12; 'format' is an annotation"
            at_dialect = (*at, "$schema")
            self.problems.append(source.problem(at_dialect, "unknown-vocabulary", message, hint))
        return to_standard_dialect(value, metaschema)

    @staticmethod
    def _can_be_followed(problems: list[Diagnostic], schema: Json) -> bool:
        """Return whether the references of an invalid schema can be followed."""
        return is_walkable(schema) and all(one.code != "schema-dialect" for one in problems)


def _below(translation: Translation, place: Pointer) -> Callable[[Pointer], Pointer]:
    return lambda at: translation.original_place((*place, *at))
