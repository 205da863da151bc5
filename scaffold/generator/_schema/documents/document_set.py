"""The JSON Schema documents of a kind: found, read, checked, and linked to each other.

All files are in the folder of the kind: no file outside it is read, and nothing is fetched. Schemas
are plain JSON values. The place and the base URI of each schema object are kept by its identity,
`id(schema)`, so schema objects must not be copied.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from scaffold.generator._schema.dialects.vocabulary import DIALECT
from scaffold.generator._schema.documents.document import Document, SchemaIndex
from scaffold.generator._schema.documents.reading import DocumentReader, SchemaFiles
from scaffold.generator._source.diagnostics import Diagnostic, Edit, SpecError
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.pointers import parse_pointer, pointer_fragment, quote_fragment
from scaffold.generator._source.source_text import Pointer, Positions, SourceFile
from scaffold.generator.ir import Json

_INSIDE_HINT = "name a file inside the folder of the hookspec, as in 'schemas/run.input.json'"


@dataclass(eq=False)
class Documents:
    """All schema documents that a hookspec reaches. Problems are collected, not raised."""

    schema_files: SchemaFiles
    base: str
    """A URI, ending with `/`, that stands for the folder."""
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    root: Json = True
    """The schema that all begins with, in 2020-12, if it is one that needs no other."""
    known: dict[int, Any] = field(default_factory=dict[int, Any])
    """What was gathered from schema objects, by identity: many references may lead to one."""
    _files: dict[PurePosixPath, Document | None] = field(
        default_factory=dict[PurePosixPath, Document | None]
    )
    _index: SchemaIndex = field(default_factory=SchemaIndex)
    _metaschemas: set[PurePosixPath] = field(default_factory=set[PurePosixPath])
    """The files of dialects that schemas are written in."""
    metaschema: Json = field(default_factory=lambda: {"type": ["object", "boolean"], "if": True})
    """Stands for the meta-schema, which all validators have; `if` says that it asks for more."""

    @property
    def _reader(self) -> DocumentReader:
        return DocumentReader(self.schema_files, self.problems, self._metaschemas)

    @property
    def files(self) -> tuple[PurePosixPath, ...]:
        """The files that were read, relative to the folder."""
        return tuple(sorted({*self._files, *self._metaschemas}))

    @classmethod
    def of_schema(cls, schema: Json) -> "Documents":
        """Take in one self-contained schema; raise `SpecError` if it is not a valid schema."""
        documents = cls(SchemaFiles(None), "https://hookspec.invalid/")
        source = SourceFile("schema", schema, lambda: Positions({}, {}))
        document = documents.inline(source, (), schema)
        documents.root = document.value if document else schema
        if documents.problems:
            raise SpecError(documents.problems)
        return documents

    def named(self, reference: str, source: SourceFile, at: Pointer) -> Document | None:
        """Load the file that a hookspec names; `None` if there is a problem."""
        if "#" in reference:
            return self.inline(source, at, {"$ref": reference})
        path = self.schema_files.path_inside(reference)
        if path is None:
            message = f"'{reference}' is outside the folder of the hookspec"
            self.problems.append(source.problem(at, "schema-outside", message, _INSIDE_HINT))
        elif not self.schema_files.has(path):
            message = f"there is no schema file '{reference}'"
            folder = self.schema_files.display_prefix or "./"
            hint = f"create it, or correct the path, which is relative to '{folder}'"
            self.problems.append(source.problem(at, "missing-schema", message, hint))
        else:
            return self._load(path)
        return None

    def inline(self, source: SourceFile, at: Pointer, value: Json) -> Document | None:
        """Take in a schema that stands in the hookspec itself; `None` if there is a problem."""
        path = PurePosixPath(Path(source.file).name)
        place = ".".join(str(part) for part in at)
        return self._add(source, at, value, f"{self.base}{path}?{place}", path)

    def problem(
        self,
        schema: Json,
        to: Pointer,
        code: str,
        message: str,
        hint: str = "",
        *,
        key: bool = False,
        fix: Iterable[Edit] = (),
        safe: bool = True,
    ) -> Diagnostic:
        """Report a problem in a schema object; `to` leads on from it."""
        home = self._index.locate(schema)
        at = (*home.document.place(home.at), *to)
        problem = home.document.source.problem
        return problem(at, code, message, hint, key=key, fix=fix, safe=safe)

    def source_place(self, schema: Json) -> tuple[str, Pointer] | None:
        """Tell in which file a schema object stands, and where; `None` if it was translated."""
        home = self._index.locate(schema)
        document = home.document
        at = (*document.at, *home.at)
        return (document.source.file, at) if document.translation is None else None

    def pointer_steps(self, schema: Json, keyword: str) -> list[tuple[Json, str]]:
        """List the objects that the pointer of a reference leads through, and the step from each.

        A pointer that leads nowhere has none.
        """
        uri, fragment = self.split(schema, schema[keyword])
        if not fragment.startswith("/") or uri == DIALECT:
            return []
        found: list[tuple[Json, str]] = []
        try:
            document, current = self._resource(schema, keyword, uri)
            steps = () if document.translation else parse_pointer(current, fragment)
        except (SpecError, LookupError):
            return found
        for step in steps:
            found.append((current, str(step)))
            current = current[step]
        return found

    @property
    def all(self) -> list[Document]:
        """Every document that is known."""
        return self._index.documents

    def locate(self, schema: Json) -> tuple[Document, Pointer]:
        """Tell where a schema object stands."""
        home = self._index.locate(schema)
        return home.document, home.at

    def resource(self, uri: str) -> tuple[Json, Pointer]:
        """Return the schema that an absolute URI without fragment names, and where it stands."""
        resource = self._index.resources[uri][1]
        return resource, self._index.locate(resource).at if is_object(resource) else ()

    def target(self, schema: Json, keyword: str = "$ref") -> tuple[Document, str, Json]:
        """Return what a reference leads to: its document, the absolute URI, the schema.

        For `$dynamicRef` that is where it leads at first. Raises `SpecError` if it leads nowhere.
        """
        reference: str = schema[keyword]
        uri, fragment = self.split(schema, reference)
        if uri == DIALECT and not fragment:
            home = self._index.locate(schema)
            self._index.register(home.document, home.at, self.metaschema, home.base)
            return home.document, reference, self.metaschema
        document, resource = self._resource(schema, keyword, uri)
        base = self._index.base(resource, uri)
        start = self._index.locate(resource).at if is_object(resource) else ()
        try:
            if document.translation and document is not self._index.locate(schema).document:
                fragment = self._moved(document, base, fragment, start)
            found = self._index.resolve_fragment(base, resource, fragment)
        except LookupError:
            hint = f"'{document.path}' has no such part"
            raise self._lost(schema, keyword, "ref-not-found", "leads nowhere", hint) from None
        if is_object(found):
            if found not in self._index:
                at = (*start, *parse_pointer(resource, fragment))
                self._index.register(document, at, found, base)
                self._reader.check_hoisted(document, at, found)
        elif not isinstance(found, bool):
            raise self._lost(
                schema, keyword, "ref-not-found", "leads to something that is not a schema"
            )
        return document, f"{base}#{quote_fragment(fragment)}", found

    def _moved(self, document: Document, base: str, fragment: str, start: Pointer) -> str:
        """Return where in a translated document stands what a fragment of the original led to."""
        assert document.translation is not None
        known = len(document.translation.hoisted)
        place = document.translation.locate(base, fragment)
        for at, piece in self._reader.register_hoisted(document, known):
            self._index.register(document, at, piece, document.uri)
        if place is None:
            raise LookupError(fragment)
        return unquote(pointer_fragment(place[len(start) :]))

    def follow(self, schema: Json) -> Json:
        """Return the schema that a `$ref` leads to; raise `SpecError` if it leads nowhere."""
        return self.target(schema)[2]

    def split(self, schema: Json, reference: str) -> tuple[str, str]:
        """Write a reference as absolute URI and fragment."""
        base = self._index.locate(schema).base
        if reference.startswith("#"):
            return base, unquote(reference[1:])
        try:
            uri, fragment = urldefrag(urljoin(base, reference))
        except ValueError:
            return reference, ""
        return uri, unquote(fragment)

    def _load(self, path: PurePosixPath) -> Document | None:
        if path not in self._files:
            try:
                source = self.schema_files.read(path)
            except SpecError as error:
                self.problems += error.diagnostics
                self._files[path] = None
            else:
                uri = self.schema_files.uri(path) or f"{self.base}{path}"
                self._files[path] = self._add(source, (), source.value, uri, path)
        return self._files[path]

    def _add(
        self, source: SourceFile, at: Pointer, value: Json, uri: str, path: PurePosixPath
    ) -> Document | None:
        document = self._reader.read(source, at, value, uri, path)
        if document is None:
            return None
        value = document.value
        has_identifier = is_object(value) and "$id" in value
        if has_identifier and document.uri in self._index.resources:
            return self._again(source, at, value, document.uri)
        self._index.resources.setdefault(uri, (document, value))
        self._index.register(document, (), value, document.uri)
        return document

    def _again(self, source: SourceFile, at: Pointer, value: Json, uri: str) -> Document | None:
        """Take a schema whose `$id` is known for the one that bears it, if it is the same."""
        document, known = self._index.resources[uri]
        if known is document.value and known == value:
            return document
        message = f"another schema has the '$id' '{uri}' too"
        hint = "give each schema an '$id' of its own, or none"
        self.problems.append(source.problem((*at, "$id"), "duplicate-id", message, hint))
        return None

    def _resource(self, schema: Json, keyword: str, uri: str) -> tuple[Document, Json]:
        if uri not in self._index.resources:
            path = self._find(schema, keyword, uri)
            if not self.schema_files.has(path):
                hint = f"there is no file '{self.schema_files.display_prefix}{path}'"
                raise self._lost(schema, keyword, "ref-not-found", "leads nowhere", hint)
            document = self._load(path)
            if document is None:  # its problems are known already
                raise SpecError(self.problems)
            self._index.resources.setdefault(uri, (document, document.value))
        return self._index.resources[uri]

    def _find(self, schema: Json, keyword: str, uri: str) -> PurePosixPath:
        """Find the file that a URI means: a local copy, or relative to the referring file."""
        copy = self.schema_files.local_copy(uri)
        if copy is not None:
            return copy
        reference: str = schema[keyword]
        home = self._index.locate(schema).document
        if not urlsplit(reference).scheme and not reference.startswith("//"):
            relative = unquote(urldefrag(reference)[0])
            path = (
                self.schema_files.path_inside(f"{home.path.parent}/{relative}")
                if relative[:1] != "/"
                else None
            )
            if path is None:
                raise self._lost(
                    schema, keyword, "schema-outside", "leads outside the folder", _INSIDE_HINT
                )
            if self.schema_files.has(path) or uri.startswith(self.base):
                return path
        if uri not in self.schema_files.by_identifier:
            hint = _copy_help(uri)
            raise self._lost(schema, keyword, "remote-ref", "is in no file of the folder", hint)
        return self.schema_files.by_identifier[uri]

    def _lost(self, schema: Json, keyword: str, code: str, what: str, hint: str = "") -> SpecError:
        message = f"the reference '{schema[keyword]}' {what}"
        return SpecError([self.problem(schema, (keyword,), code, message, hint)])


def _copy_help(uri: str) -> str:
    """Return the hint for a URI: where to save a copy, and how the hookspec names its folder."""
    address = urlsplit(uri)
    if not address.netloc or address.scheme not in ("http", "https"):
        return "nothing is fetched; keep a copy in the folder, and give it that '$id'"
    return (
        f"nothing is fetched; save a copy as 'schemas/{address.netloc}{address.path}', and write "
        f"'remotes: {{{address.scheme}://{address.netloc}/: schemas/{address.netloc}}}'"
    )
