"""Warnings for what MCP clients and model services see: tools, inputs and arguments."""

import re
from collections.abc import Iterator

from scaffold.generator._compile.compiler import CompiledKind, KindSources
from scaffold.generator._hookspec.tool_name_checks import has_function_placeholder, safe_template
from scaffold.generator._schema.documents.annotations import find_annotations
from scaffold.generator._schema.documents.documents import Document
from scaffold.generator._schema.types.constraints import collect
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.edits import Replace
from scaffold.generator._source.json_values import is_object

_SAFE_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NOT_AT_THE_ROOT = ("anyOf", "oneOf", "allOf", "not", "enum", "$ref")


def lint_descriptions_of_arguments(sources: KindSources) -> Iterator[Diagnostic]:
    """Find properties of exposed inputs whose meaning a model would have to guess."""
    documents = sources.documents
    for document in _exposed_inputs(sources).values():
        constraints = collect(documents, (document.value,))
        for name, schemas in constraints.properties.items():
            if find_annotations(documents, schemas, "description"):
                continue
            message = f"the property '{name}' has no description"
            hint = "describe what it means: a model has no other source"
            holder = (
                constraints.primary
                if name in constraints.primary.get("properties", {})
                else document.value
            )
            at = ("properties", name)
            yield documents.problem(holder, at, "missing-description", message, hint, key=True)


def lint_argument_names(sources: KindSources) -> Iterator[Diagnostic]:
    """Find properties of exposed inputs that services of models refuse a whole request for."""
    documents, hooks = sources.documents, {hook.name: hook for hook in sources.hookspec.hooks}
    for hook, document in _exposed_inputs(sources).items():
        constraints = collect(documents, (document.value,))
        for name in (
            constraints.properties if not has_function_placeholder(hooks[hook].tool) else ()
        ):
            if not _SAFE_PROPERTY.fullmatch(name):
                message = f"model services refuse tools with an argument called '{name}'"
                hint = "use letters A to z, digits, '_', '.' and '-', 64 at most"
                holder = (
                    constraints.primary
                    if name in constraints.primary.get("properties", {})
                    else document.value
                )
                at, code = ("properties", name), "input-property-name"
                yield documents.problem(holder, at, code, message, hint, key=True)


def lint_tool_names(sources: KindSources) -> Iterator[Diagnostic]:
    for hook in sources.hookspec.hooks:
        if hook.exposed and "." in hook.tool:
            message = (
                f"'{hook.tool}' has dots: many MCP clients drop a server with such a tool name"
            )
            hint = f"the tool is offered as '{safe_template(hook.tool)}'; write that name"
            at = (*hook.at, "mcp_tool_name_template")
            source = sources.hookspec.source
            fix = [Replace(source.file, at, safe_template(hook.tool))]
            yield source.problem(at, "dotted-tool-name", message, hint, fix=fix, safe=False)


def lint_input_types(sources: CompiledKind) -> Iterator[Diagnostic]:
    payloads = {hook.name: hook.input for hook in sources.kind.hooks}
    hooks = {hook.name: hook for hook in sources.hookspec.hooks}
    for hook in _exposed_inputs(sources):
        if not payloads[hook].object:
            message = f"the input of '{hook}' is not always an object, as MCP arguments are"
            hint = "wrap it in an object with 'type: object', or set 'mcp_exposed: false'"
            at = (*hooks[hook].at, "input_schema")
            yield sources.hookspec.source.problem(at, "input-no-object", message, hint)


def lint_input_roots(sources: KindSources) -> Iterator[Diagnostic]:
    """Find inputs whose properties do not stand at the root, where models' services want them."""
    hooks = {hook.name: hook for hook in sources.hookspec.hooks}
    for hook, document in _exposed_inputs(sources).items():
        found = [
            word
            for word in _NOT_AT_THE_ROOT
            if is_object(document.value) and word in document.value
        ]
        if found and not has_function_placeholder(hooks[hook].tool):
            message = (
                f"the input of '{hook}' has '{found[0]}' at its root, which some clients refuse"
            )
            hint = "put 'type: object' and 'properties' there, or set 'mcp_exposed: false'"
            at = (*hooks[hook].at, "input_schema")
            yield sources.hookspec.source.problem(at, "input-root", message, hint)


def _exposed_inputs(sources: KindSources) -> dict[str, Document]:
    """Return the input documents of the hooks that MCP clients see, by hook."""
    return {
        hook.name: document
        for hook in sources.hookspec.hooks
        if hook.exposed and (document := sources.payloads[hook.name, "input"]) is not None
    }
