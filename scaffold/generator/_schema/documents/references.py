"""Follow references: do they lead somewhere, do they come back, and one document of it all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from scaffold.generator._schema.dialects.vocabulary import (
    DIALECT,
    IN_PLACE_APPLICATORS,
    map_subschemas,
    subschemas,
)
from scaffold.generator._schema.documents.document import REFERENCE_KEYWORDS, Document
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.pointers import parse_pointer
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json


def check_references(documents: Documents, document: Document) -> list[Diagnostic]:
    """Return every reference that leads nowhere, and every one that leads back without end."""
    if not document.references:
        return []
    reached = _followed(documents, document)
    found = [problem for one in reached for problem in one.reference_targets.problems]
    return found or list(_cycles(documents, document))


def _followed(documents: Documents, document: Document) -> list[Document]:
    """Follow every reference, each once for all documents, and list what is reached.

    The document itself comes first, then the nearest. To follow a reference may make a schema of a
    part of a document, whose own references are followed as well.
    """
    reached = dict.fromkeys([document])
    pending = [document]
    for current in pending:  # grows while it is read
        links = current.reference_targets
        while links.followed < len(current.references):
            schema, keyword = current.references[links.followed]
            links.followed += 1
            try:
                links.targets[documents.target(schema, keyword)[0]] = None
            except SpecError as error:
                links.problems += error.diagnostics
        pending += [
            one
            for one in links.targets
            if one not in reached or one.reference_targets.followed < len(one.references)
        ]
        reached |= links.targets
    return list(reached)


def reachable_schemas(documents: Documents, schema: Json) -> Iterator[dict[str, Json]]:
    """Yield the schema objects that a schema leads to, itself first, each once.

    Definitions that nothing leads to do not count: a bundle keeps no more than it needs. Raises
    `SpecError` if a schema refers to what is not there.
    """
    pending, seen = [schema], set[int]()
    for current in pending:  # grows while it is read
        if not is_object(current) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        pending += [part for step, part in subschemas(current) if step[0] not in _DEFINITIONS]
        pending += [
            documents.target(current, keyword)[2]
            for keyword in REFERENCE_KEYWORDS
            if keyword in current
        ]


def bundle(documents: Documents, document: Document) -> Json:
    """Return a schema that says what a document says, and needs no other.

    It is the document itself if that refers to no other. Otherwise the others stand in its `$defs`,
    each with the `$id` that references mean (JSON Schema 2020-12, section 9.3.1) and without the
    definitions that nothing leads to.
    """
    reach = _find_reachable(documents, document) if document.references else None
    if reach is None or not (reach.others or _calls_itself(documents, document)):
        return document.value
    root = _rewritten(documents, document, document.value, None)
    definitions = dict(root.get("$defs", {}))
    for other in reach.others:
        name = _free_name(definitions, other)
        copy = _rewritten(documents, other, other.value, reach.places)
        definitions[name] = _embedded(copy, other.uri)
    return {"$id": document.uri, **root, "$defs": definitions}


_DEFINITIONS = ("$defs", "definitions")


_Places: TypeAlias = dict[tuple[Document, Pointer], set[str | int]]
"""The steps that lead on from a place of a document to what is needed."""


@dataclass(frozen=True, slots=True)
class _Reachable:
    """What a document leads to."""

    others: list[Document]
    """The other documents, nearest first."""
    places: "_Places | None"
    """What references lead to, and all around it; `None` if only a value could tell."""


def _find_reachable(documents: Documents, document: Document) -> _Reachable:
    found = dict.fromkeys([document])
    places: _Places = {}
    pending, seen = [document.value], set[int]()
    for schema in pending:  # grows while it is read
        if not is_object(schema) or id(schema) in seen:
            continue
        seen.add(id(schema))
        if "$dynamicRef" in schema:
            return _Reachable(_followed(documents, document)[1:], None)
        if "$ref" in schema:
            home, at, target = _place(documents, schema)
            for length, step in enumerate(at):
                places.setdefault((home, at[:length]), set()).add(step)
            found[home] = None
            pending.append(target)
        pending += [part for step, part in subschemas(schema) if step[0] not in _DEFINITIONS]
    return _Reachable(list(found)[1:], places)


def _place(documents: Documents, schema: Json) -> tuple[Document, Pointer, Json]:
    """Return what a `$ref` leads to, and where that stands."""
    home, meaning, target = documents.target(schema)
    if is_object(target):
        return home, documents.locate(target)[1], target
    # `true` and `false` stand at the end of a pointer: they have no name of their own.
    resource, start = documents.resource(meaning.partition("#")[0])
    return home, (*start, *parse_pointer(resource, unquote(meaning.partition("#")[2]))), target


def _rewritten(
    documents: Documents,
    document: Document,
    schema: Json,
    needed: _Places | None,
) -> Json:
    """Copy a schema; references between documents are made to mean the same in the bundle."""
    if not is_object(schema):
        return schema
    kept = schema if needed is None else _pruned(documents, schema, needed)
    copy = map_subschemas(kept, lambda inner: _rewritten(documents, document, inner, needed))
    for keyword in schema.keys() & set(REFERENCE_KEYWORDS):
        _, meaning, _ = documents.target(schema, keyword)
        if _is_moved(documents, schema, keyword, meaning):
            copy[keyword] = meaning
    return copy


def _is_moved(documents: Documents, schema: Json, keyword: str, meaning: str) -> bool:
    """Tell whether a reference means something else, or nothing, in a bundle."""
    uri, _, fragment = meaning.partition("#")
    written = documents.split(schema, schema[keyword])
    return written[0] != DIALECT and written != (uri, unquote(fragment))


def _calls_itself(documents: Documents, document: Document) -> bool:
    """Tell whether a document refers to itself by the name of its file, and has an `$id`."""
    return any(
        str(schema[keyword])[:1] not in ("", "#")
        and _is_moved(documents, schema, keyword, documents.target(schema, keyword)[1])
        for schema, keyword in document.references
    )


def _pruned(documents: Documents, schema: dict[str, Json], needed: _Places) -> dict[str, Json]:
    """Leave out the definitions that nothing leads to."""
    kept = dict(schema)
    for keyword in _DEFINITIONS:
        if keyword in schema:
            document, at = documents.locate(schema)
            names = needed.get((document, (*at, keyword)), frozenset[str | int]())
            kept[keyword] = {name: one for name, one in schema[keyword].items() if name in names}
    return kept


def _embedded(schema: Json, uri: str) -> Json:
    if isinstance(schema, bool):
        return {"$id": uri} if schema else {"$id": uri, "not": {}}
    return {**schema, "$id": uri}


def _free_name(definitions: dict[str, Json], document: Document) -> str:
    path = document.path
    names = [path.stem.split(".")[0], str(path)]
    name = next((name for name in names if name not in definitions), names[-1])
    while name in definitions:
        name += "_"
    return name


def _cycles(documents: Documents, document: Document) -> Iterator[Diagnostic]:
    """Find references that lead back to themselves without ever looking at a part of the value."""
    done: set[int] = set()
    for start, _ in document.references:
        trail: list[tuple[Json, Iterator[tuple[Json, Json]]]] = []
        on_trail: set[int] = set()
        _step_into(documents, start, trail, on_trail, done)
        while trail:
            schema, edges = trail[-1]
            edge = next(edges, None)
            if edge is None:
                trail.pop()
                on_trail.discard(id(schema))
                done.add(id(schema))
            elif id(edge[1]) in on_trail:
                reference = next(one for one, _ in reversed(trail) if "$ref" in one)
                message = f"the reference '{reference['$ref']}' leads back to itself"
                hint = "let one schema of the cycle describe the value"
                yield documents.problem(reference, ("$ref",), "ref-cycle", message, hint)
            else:
                _step_into(documents, edge[1], trail, on_trail, done)


def _step_into(
    documents: Documents,
    schema: Json,
    trail: list[tuple[Json, Iterator[tuple[Json, Json]]]],
    on_trail: set[int],
    done: set[int],
) -> None:
    if is_object(schema) and id(schema) not in done:
        trail.append((schema, _edges(documents, schema)))
        on_trail.add(id(schema))


_UNCONDITIONAL = IN_PLACE_APPLICATORS - {"then", "else", "dependentSchemas"}
"""What looks at the same value, whatever the value is: a condition ends a recursion."""


def _edges(documents: Documents, schema: Json) -> Iterator[tuple[Json, Json]]:
    """Yield the schemas that look at the same value, each with the reference it is reached by."""
    if "$ref" in schema:
        yield schema, documents.follow(schema)
    for step, inner in subschemas(schema):
        if step[0] in _UNCONDITIONAL:
            yield schema, inner
