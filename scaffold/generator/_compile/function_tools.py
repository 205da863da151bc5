"""Hooks that become one MCP tool per function: what they need of the kind's other hooks."""

from typing import TypeAlias

from scaffold.generator._hookspec.naming import did_you_mean
from scaffold.generator._hookspec.parsed_hookspec import HookText, KindText
from scaffold.generator._hookspec.tool_name_checks import wants_functions
from scaffold.generator._schema.documents.documents import Document, Documents
from scaffold.generator._schema.types.constraints import OBJECTS, Facts, gather
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator.ir import Functions

__all__ = ["USUAL_ARGUMENTS", "USUAL_NAME", "find_functions", "has_content"]

USUAL_NAME, USUAL_ARGUMENTS = "function", "args"
"""The input properties that carry a function's name and arguments, unless a kind says otherwise."""

_CATALOGUE = {"name", "description", "parameters"}
_HELP = (
    "a catalogue hook answers a list of objects with 'name', 'description' and 'parameters'; "
    "name it with 'catalogue:'"
)
_INPUT_HELP = (
    "the input needs a required text such as 'function' for the name, "
    "and an object such as 'args' for the arguments"
)

_Payloads: TypeAlias = dict[tuple[str, str], Document | None]


def find_functions(
    kind: KindText, documents: Documents, payloads: _Payloads, hook: HookText
) -> Functions | None:
    """Return how a hook is split into functions; `None` if it is not. Problems are collected."""
    if not hook.exposed or not wants_functions(hook.tool):
        return None
    at = (*hook.at, "mcp_tool_name_template")
    catalogues = [
        other.name
        for other in kind.hooks
        if not other.stream and _lists_functions(documents, payloads[other.name, "output"])
    ]
    if hook.catalogue is not None and hook.catalogue not in catalogues:
        message = f"'{hook.catalogue}' is no catalogue hook"
        advice = did_you_mean(hook.catalogue, catalogues) if catalogues else _HELP
        at = (*hook.at, "catalogue")
        documents.problems.append(kind.source.problem(at, "no-catalogue", message, advice))
        return None
    if hook.catalogue is None and len(catalogues) != 1:
        how_many = "several hooks list" if catalogues else "no hook lists"
        message = f"{how_many} the functions of '{hook.name}'"
        documents.problems.append(kind.source.problem(at, "no-catalogue", message, _HELP))
        return None
    found = _find_properties(documents, payloads[hook.name, "input"])
    if found is None:
        message = f"the input of '{hook.name}' cannot carry a function and its arguments"
        documents.problems.append(
            kind.source.problem(at, "no-function-input", message, _INPUT_HELP)
        )
        return None
    return Functions(hook.catalogue or catalogues[0], *found)


def has_content(
    kind: KindText, documents: Documents, payloads: _Payloads, hook: HookText
) -> list[Diagnostic]:
    """Return the problem with `content: true` on a hook whose output has no such list."""
    facts = _facts(documents, payloads[hook.name, "output"])
    content = facts.properties.get("content") if facts else None
    if content and "array" in gather(documents, content).types:
        return []
    message = f"the output of '{hook.name}' has no property 'content' for MCP content blocks"
    advice = "add a list of objects called 'content' to the output schema"
    return [kind.source.problem((*hook.at, "content"), "no-content", message, advice)]


def _facts(documents: Documents, document: Document | None) -> Facts | None:
    return gather(documents, (document.value,)) if document else None


def _lists_functions(documents: Documents, document: Document | None) -> bool:
    facts = _facts(documents, document)
    if facts is None or facts.types != frozenset({"array"}) or not facts.items:
        return False
    item = gather(documents, facts.items)
    return item.types == OBJECTS and item.properties.keys() >= _CATALOGUE


def _find_properties(documents: Documents, document: Document | None) -> tuple[str, str] | None:
    facts = _facts(documents, document)
    if facts is None or facts.types != OBJECTS:
        return None
    types = {name: gather(documents, part).types for name, part in facts.properties.items()}
    texts = [name for name in facts.required if types.get(name) == frozenset({"string"})]
    objects = [name for name in types if types[name] == OBJECTS]
    name, arguments = _pick(texts, USUAL_NAME), _pick(objects, USUAL_ARGUMENTS)
    return (name, arguments) if name and arguments else None


def _pick(names: list[str], usual: str) -> str | None:
    if usual in names:
        return usual
    return names[0] if len(names) == 1 else None
