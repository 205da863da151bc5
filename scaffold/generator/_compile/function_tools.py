"""Hooks that become one MCP tool per function: what they need of the kind's other hooks."""

from typing import TypeAlias

from scaffold.generator._hookspec.naming import did_you_mean
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook, ParsedKind
from scaffold.generator._hookspec.semantic_checks import has_function_placeholder
from scaffold.generator._schema.documents.document import Document
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.types.collect_constraints import collect
from scaffold.generator._schema.types.constraints import OBJECT_TYPE, Constraints
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator.ir import Functions

USUAL_NAME, USUAL_ARGUMENTS = "function", "args"
"""The input properties that carry a function's name and arguments, unless a kind says otherwise."""

_CATALOGUE = {"name", "description", "parameters"}
_HINT = (
    "a catalogue hook answers a list of objects with 'name', 'description' and 'parameters'; "
    "name it with 'catalogue:'"
)
_INPUT_HINT = (
    "the input needs a required text such as 'function' for the name, "
    "and an object such as 'args' for the arguments"
)

_Payloads: TypeAlias = dict[tuple[str, str], Document | None]


def find_functions(
    kind: ParsedKind, documents: Documents, payloads: _Payloads, hook: ParsedHook
) -> Functions | None:
    """Return how a hook is split into functions; `None` if it is not. Problems are collected."""
    if not hook.exposed or not has_function_placeholder(hook.tool):
        return None
    at = (*hook.at, "mcp_tool_name_template")
    catalogues = [
        other.name
        for other in kind.hooks
        if not other.stream and _lists_functions(documents, payloads[other.name, "output"])
    ]
    if hook.catalogue is not None and hook.catalogue not in catalogues:
        message = f"'{hook.catalogue}' is not a catalogue hook"
        hint = did_you_mean(hook.catalogue, catalogues) if catalogues else _HINT
        at = (*hook.at, "catalogue")
        documents.problems.append(kind.source.problem(at, "no-catalogue", message, hint))
        return None
    if hook.catalogue is None and len(catalogues) != 1:
        how_many = "several hooks list" if catalogues else "no hook lists"
        message = f"{how_many} the functions of '{hook.name}'"
        documents.problems.append(kind.source.problem(at, "no-catalogue", message, _HINT))
        return None
    found = _find_properties(documents, payloads[hook.name, "input"])
    if found is None:
        message = f"the input of '{hook.name}' cannot carry a function and its arguments"
        documents.problems.append(
            kind.source.problem(at, "no-function-input", message, _INPUT_HINT)
        )
        return None
    return Functions(hook.catalogue or catalogues[0], *found)


def check_content(
    kind: ParsedKind, documents: Documents, payloads: _Payloads, hook: ParsedHook
) -> list[Diagnostic]:
    """Return the problem with `content: true` on a hook whose output has no such list."""
    constraints = _constraints(documents, payloads[hook.name, "output"])
    content = constraints.properties.get("content") if constraints else None
    if content and "array" in collect(documents, content).types:
        return []
    message = f"the output of '{hook.name}' has no property 'content' for MCP content blocks"
    hint = "add a list of objects called 'content' to the output schema"
    return [kind.source.problem((*hook.at, "content"), "no-content", message, hint)]


def _constraints(documents: Documents, document: Document | None) -> Constraints | None:
    return collect(documents, (document.value,)) if document else None


def _lists_functions(documents: Documents, document: Document | None) -> bool:
    constraints = _constraints(documents, document)
    if constraints is None or constraints.types != frozenset({"array"}) or not constraints.items:
        return False
    item = collect(documents, constraints.items)
    return item.types == OBJECT_TYPE and item.properties.keys() >= _CATALOGUE


def _find_properties(documents: Documents, document: Document | None) -> tuple[str, str] | None:
    constraints = _constraints(documents, document)
    if constraints is None or constraints.types != OBJECT_TYPE:
        return None
    types = {name: collect(documents, part).types for name, part in constraints.properties.items()}
    texts = [name for name in constraints.required if types.get(name) == frozenset({"string"})]
    objects = [name for name in types if types[name] == OBJECT_TYPE]
    name, arguments = _pick(texts, USUAL_NAME), _pick(objects, USUAL_ARGUMENTS)
    return (name, arguments) if name and arguments else None


def _pick(names: list[str], usual: str) -> str | None:
    if usual in names:
        return usual
    return names[0] if len(names) == 1 else None
