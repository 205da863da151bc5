"""Keywords of older drafts in schemas of 2020-12: some readers still interpret them."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from scaffold.generator._compile.compiler import KindSources
from scaffold.generator._schema.dialects.vocabulary import subschemas
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._source.diagnostics import Diagnostic, Edit, Rename, Replace
from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator.ir import Json


def lint_old_drafts(sources: KindSources) -> Iterator[Diagnostic]:
    """Yield what has another name in 2020-12; schemas that say they are of draft 7 may have it."""
    documents = sources.documents
    for schema in _schemas(documents):
        if documents.source_place(schema) is None:
            continue
        for keyword, (message, hint, make_fix) in _OLD_KEYWORDS.items():
            if keyword in schema:
                edits = make_fix(documents, schema)
                yield documents.problem(
                    schema, (keyword,), "former-keyword", message, hint, key=True, fix=edits
                )
    yield from _in_descriptions(documents)


def _in_descriptions(documents: Documents) -> Iterator[Diagnostic]:
    """Find keywords in descriptions of OpenAPI 3.1 that were read as former drafts meant them."""
    for document in documents.all:
        former = document.translation.old_keywords if document.translation else []
        for place in former:
            message = (
                f"'{place[-1]}' is written as in an older draft, and is read as that draft means it"
            )
            hint = "correct it in the description: other readers may refuse or ignore it"
            at = (*document.at, *place)
            yield document.source.problem(at, "former-keyword", message, hint, key=True)


def _schemas(documents: Documents) -> Iterator[dict[str, Json]]:
    pending = [document.value for document in documents.all]
    while pending:
        schema = pending.pop()
        if is_object(schema):
            yield schema
            pending += [inner for _, inner in subschemas(schema)]


def _definitions(documents: Documents, holder: dict[str, Json]) -> list[Edit]:
    """Rename the keyword, and rewrite every reference that leads through it."""
    place = documents.source_place(holder)
    if place is None or "$defs" in holder:
        return []
    file, at = place
    edits: list[Edit] = [Rename(file, (*at, "definitions"), "$defs")]
    for document in documents.all:
        for schema, keyword in document.references:
            reference = _through(documents, schema, keyword, holder)
            if reference is None:
                continue
            referrer = documents.source_place(schema)
            if referrer is None:
                return []
            edits.append(Replace(referrer[0], (*referrer[1], keyword), reference))
    return edits


def _through(documents: Documents, schema: Json, keyword: str, holder: Json) -> str | None:
    """Rewrite a reference that leads through `definitions` of an object; `None` if it does not."""
    address, _, fragment = str(schema[keyword]).partition("#")
    steps = fragment.split("/")
    for index, (place, step) in enumerate(documents.pointer_steps(schema, keyword), 1):
        if place is holder and step == "definitions":
            steps[index] = "$defs"
            return f"{address}#{'/'.join(steps)}"
    return None


def _dependencies(documents: Documents, schema: dict[str, Json]) -> list[Edit]:
    place, value = documents.source_place(schema), schema["dependencies"]
    if place is None or not is_object(value):
        return []
    sorts = {is_list(part) for part in value.values()}
    name = "dependentRequired" if sorts == {True} else "dependentSchemas"
    if len(sorts) != 1 or name in schema:
        return []
    file, at = place
    return [Rename(file, (*at, "dependencies"), name)]


_MakeFix: TypeAlias = Callable[[Documents, dict[str, Json]], list[Edit]]

_OLD_KEYWORDS: Final[dict[str, tuple[str, str, _MakeFix]]] = {
    "definitions": (
        "'definitions' has been called '$defs' since draft 2019-09",
        "write '$defs', there and in the references",
        _definitions,
    ),
    "dependencies": (
        "'dependencies' has been two keywords since draft 2019-09",
        "write 'dependentRequired' for lists, and 'dependentSchemas' for schemas",
        _dependencies,
    ),
}
"""For each keyword: the message, the hint, and the function that makes the fix."""
