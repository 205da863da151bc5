"""Compile a hookspec file to the intermediate representation; report all problems at once."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scaffold.generator import ir
from scaffold.generator._compile.contract_json import with_digest
from scaffold.generator._compile.function_tools import check_content, find_functions
from scaffold.generator._hookspec.load import load_hookspec
from scaffold.generator._hookspec.naming import pascal_case, reserved_type_names
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook, ParsedKind
from scaffold.generator._schema.documents.document import Document
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.documents.reading import SchemaFiles
from scaffold.generator._schema.documents.references import bundle, check_references
from scaffold.generator._schema.types.constraint_reader import ConstraintReader
from scaffold.generator._schema.types.payload_builder import build_payload
from scaffold.generator._schema.types.type_builder import TypeBuilder
from scaffold.generator._schema.types.type_names import TypeNames
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.source_text import NO_OVERRIDES, TextOverrides

EMPTY_OBJECT_SCHEMA: dict[str, ir.Json] = {"type": "object", "additionalProperties": False}
"""The schema of a payload that the hookspec leaves out."""


@dataclass(frozen=True, eq=False)
class KindSources:
    """The parsed hookspec and schemas of a kind, valid or not."""

    hookspec: ParsedKind
    documents: Documents
    payloads: dict[tuple[str, str], Document | None]
    """The schema documents by hook and `input` or `output`; `None` if the author wrote none."""

    @property
    def problems(self) -> list[Diagnostic]:
        """Every error that was found."""
        return [*self.hookspec.problems, *self.documents.problems]


@dataclass(frozen=True, eq=False)
class CompiledKind(KindSources):
    """A compiled kind together with its sources."""

    kind: ir.Kind


def compile_kind(path: Path) -> ir.Kind:
    """Read a hookspec file and return its kind; raise `SpecError` with every problem found."""
    return compile_with_sources(path).kind


def kind_files(path: Path) -> tuple[PurePosixPath, ...]:
    """Return the files that make up a kind, relative to the folder of its hookspec file."""
    documents = compile_with_sources(path).documents
    return (PurePosixPath(path.name), *documents.files)


def compile_with_sources(path: Path, texts: TextOverrides = NO_OVERRIDES) -> CompiledKind:
    """Compile a kind, and return the parsed sources together with it."""
    return compile_sources(read_sources(path, texts), path)


def compile_sources(sources: KindSources, path: Path) -> CompiledKind:
    """Compile what was read; raise `SpecError` with every problem found."""
    if sources.problems:
        raise SpecError(sources.problems)
    hookspec, documents, payloads = sources.hookspec, sources.documents, sources.payloads
    with _refuse_deep_recursion(path):
        kind = _KindBuilder(hookspec, documents, payloads).build(_source_name(path))
    if documents.problems:
        raise SpecError(documents.problems)
    return CompiledKind(hookspec, documents, payloads, with_digest(kind))


def read_sources(path: Path, texts: TextOverrides = NO_OVERRIDES) -> KindSources:
    """Read a hookspec and its schemas; raise `SpecError` if it is not YAML at all."""
    with _refuse_deep_recursion(path):
        return _read(path, texts)


@contextmanager
def _refuse_deep_recursion(path: Path) -> Generator[None]:
    try:
        yield
    except RecursionError:
        message = "the schemas refer to each other too deeply"
        problem = Diagnostic(str(path), 1, 1, "too-deep", message, "use fewer steps of '$ref'")
        raise SpecError([problem]) from None


def _read(path: Path, texts: TextOverrides) -> KindSources:
    hookspec = load_hookspec(path, texts)
    base = f"https://hookspec.invalid/{hookspec.name}/{hookspec.version}/"
    documents = Documents(SchemaFiles(path.parent, hookspec.remotes, texts), base)
    payloads: dict[tuple[str, str], Document | None] = {}
    for hook in hookspec.hooks:
        for side in ("input", "output"):
            payloads[hook.name, side] = document = _document(documents, hookspec, hook, side)
            if document is not None:
                documents.problems += check_references(documents, document)
    return KindSources(hookspec, documents, payloads)


def _document(
    documents: Documents, hookspec: ParsedKind, hook: ParsedHook, side: str
) -> Document | None:
    at = (*hook.at, f"{side}_schema")
    schema = hook.input_schema if side == "input" else hook.output_schema
    if isinstance(schema, str):
        return documents.named(schema, hookspec.source, at)
    return None if schema is None else documents.inline(hookspec.source, at, schema)


def _source_name(path: Path) -> str:
    folder = path.resolve().parent.name
    return f"{folder}/{path.name}" if path.stem[:1] == "v" else path.name


class _KindBuilder:
    """Puts the representation together once every schema is known to be sound."""

    def __init__(
        self,
        hookspec: ParsedKind,
        documents: Documents,
        payloads: dict[tuple[str, str], Document | None],
    ) -> None:
        self.hookspec = hookspec
        self.documents = documents
        self.payloads = payloads
        roots = {f"{pascal_case(hook)}{pascal_case(side)}" for hook, side in payloads}
        names = TypeNames({*roots, *reserved_type_names(hookspec.name)})
        self.type_builder = TypeBuilder(documents, names, ConstraintReader(documents))

    def build(self, source: str) -> ir.Kind:
        hookspec = self.hookspec
        hooks = tuple(self._hook(hook) for hook in hookspec.hooks)
        return ir.Kind(
            name=hookspec.name,
            version=hookspec.version,
            description=hookspec.description,
            hooks=hooks,
            types=tuple(self.type_builder.types.values()),
            in_process_only=hookspec.in_process_only,
            singleton_per_runtime=hookspec.singleton_per_runtime,
            source=source,
            digest="",
        )

    def _hook(self, hook: ParsedHook) -> ir.Hook:
        functions = find_functions(self.hookspec, self.documents, self.payloads, hook)
        if hook.content:
            self.documents.problems += check_content(
                self.hookspec, self.documents, self.payloads, hook
            )
        return ir.Hook(
            name=hook.name,
            description=hook.description,
            dispatch=hook.dispatch,
            input=self._payload(hook, "input"),
            output=self._payload(hook, "output"),
            exposed=hook.exposed,
            tool=hook.tool,
            functions=functions,
            content=hook.content,
            stream=hook.stream,
            best_effort=hook.best_effort,
            errors=hook.errors,
            idempotent=hook.idempotent,
            read_only=hook.read_only,
            timeout=hook.timeout,
            since=hook.since,
            deprecated=hook.deprecated,
        )

    def _payload(self, hook: ParsedHook, side: str) -> ir.Payload:
        document = self.payloads[hook.name, side]
        if document is None:
            return ir.Payload(None, EMPTY_OBJECT_SCHEMA, object=True)
        schema = bundle(self.documents, document)
        return build_payload(
            self.type_builder, document, schema, f"{pascal_case(hook.name)}{pascal_case(side)}"
        )
