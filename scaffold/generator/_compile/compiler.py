"""From a hookspec file to the intermediate representation: the whole way, all problems at once."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scaffold.generator import ir
from scaffold.generator._compile.contract_json import with_digest
from scaffold.generator._compile.function_tools import find_functions, has_content
from scaffold.generator._hookspec.load import load
from scaffold.generator._hookspec.naming import pascal, taken_types
from scaffold.generator._hookspec.parsed_hookspec import HookText, KindText
from scaffold.generator._schema.documents.documents import Document, Documents
from scaffold.generator._schema.documents.files import SchemaFiles
from scaffold.generator._schema.documents.references import bundle, check_links
from scaffold.generator._schema.types.type_builder import Shaper
from scaffold.generator._schema.types.type_names import TypeNames
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.source_text import ON_DISK, Texts

__all__ = ["Compilation", "Reading", "compile_kind", "kind_files"]

NOTHING: dict[str, ir.Json] = {"type": "object", "additionalProperties": False}
"""The schema of a payload that the hookspec leaves out."""


@dataclass(frozen=True, eq=False)
class Reading:
    """All that was read of a kind, sound or not."""

    text: KindText
    documents: Documents
    payloads: dict[tuple[str, str], Document | None]
    """The schema documents by hook and `input` or `output`; `None` if the author wrote none."""

    @property
    def problems(self) -> list[Diagnostic]:
        """Every error that was found."""
        return [*self.text.problems, *self.documents.problems]


@dataclass(frozen=True, eq=False)
class Compilation(Reading):
    """A kind, with all that was read to make it."""

    kind: ir.Kind


def compile_kind(path: Path) -> ir.Kind:
    """Read a hookspec file and return its kind; raise `SpecError` with every problem found."""
    return compile_with_sources(path).kind


def kind_files(path: Path) -> tuple[PurePosixPath, ...]:
    """Return the files that make up a kind, relative to the folder of its hookspec file."""
    documents = compile_with_sources(path).documents
    return (PurePosixPath(path.name), *documents.files)


def compile_with_sources(path: Path, texts: Texts = ON_DISK) -> Compilation:
    """Compile, and keep the author's text beside the result."""
    return build(read_sources(path, texts), path)


def build(reading: Reading, path: Path) -> Compilation:
    """Compile what was read; raise `SpecError` with every problem found."""
    if reading.problems:
        raise SpecError(reading.problems)
    text, documents, payloads = reading.text, reading.documents, reading.payloads
    with _bounded(path):
        kind = _Builder(text, documents, payloads).build(_source_name(path))
    if documents.problems:
        raise SpecError(documents.problems)
    return Compilation(text, documents, payloads, with_digest(kind))


def read_sources(path: Path, texts: Texts = ON_DISK) -> Reading:
    """Read a hookspec and its schemas; raise `SpecError` if it is not YAML at all."""
    with _bounded(path):
        return _read(path, texts)


@contextmanager
def _bounded(path: Path) -> Generator[None]:
    try:
        yield
    except RecursionError:
        message = "the schemas refer to each other too deeply"
        problem = Diagnostic(str(path), 1, 1, "too-deep", message, "use fewer steps of '$ref'")
        raise SpecError([problem]) from None


def _read(path: Path, texts: Texts) -> Reading:
    text = load(path, texts)
    base = f"https://hookspec.invalid/{text.name}/{text.version}/"
    documents = Documents(SchemaFiles(path.parent, text.remotes, texts), base)
    payloads: dict[tuple[str, str], Document | None] = {}
    for hook in text.hooks:
        for side in ("input", "output"):
            payloads[hook.name, side] = document = _document(documents, text, hook, side)
            if document is not None:
                documents.problems += check_links(documents, document)
    return Reading(text, documents, payloads)


def _document(documents: Documents, text: KindText, hook: HookText, side: str) -> Document | None:
    at = (*hook.at, f"{side}_schema")
    schema = hook.input_schema if side == "input" else hook.output_schema
    if isinstance(schema, str):
        return documents.named(schema, text.source, at)
    return None if schema is None else documents.inline(text.source, at, schema)


def _source_name(path: Path) -> str:
    folder = path.resolve().parent.name
    return f"{folder}/{path.name}" if path.stem[:1] == "v" else path.name


class _Builder:
    """Puts the representation together once every schema is known to be sound."""

    def __init__(
        self,
        text: KindText,
        documents: Documents,
        payloads: dict[tuple[str, str], Document | None],
    ) -> None:
        self.text = text
        self.documents = documents
        self.payloads = payloads
        roots = {f"{pascal(hook)}{pascal(side)}" for hook, side in payloads}
        self.shaper = Shaper(documents, TypeNames({*roots, *taken_types(text.name)}))

    def build(self, source: str) -> ir.Kind:
        text = self.text
        hooks = tuple(self._hook(hook) for hook in text.hooks)
        return ir.Kind(
            name=text.name,
            version=text.version,
            description=text.description,
            hooks=hooks,
            types=tuple(self.shaper.types.values()),
            in_process_only=text.in_process_only,
            singleton_per_runtime=text.singleton_per_runtime,
            source=source,
            digest="",
        )

    def _hook(self, hook: HookText) -> ir.Hook:
        functions = find_functions(self.text, self.documents, self.payloads, hook)
        if hook.content:
            self.documents.problems += has_content(self.text, self.documents, self.payloads, hook)
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

    def _payload(self, hook: HookText, side: str) -> ir.Payload:
        document = self.payloads[hook.name, side]
        if document is None:
            return ir.Payload(None, NOTHING, object=True)
        schema = bundle(self.documents, document)
        return self.shaper.payload(document, schema, f"{pascal(hook.name)}{pascal(side)}")
