"""Warnings about hooks: their dispatch, and what MCP clients and model services see of them.

Chains may not fit, and inputs may not select a plugin. Models see tools, inputs and arguments.
"""

import re
from collections.abc import Iterator

from scaffold.generator._compile.compiler import CompiledKind, KindSources
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook
from scaffold.generator._hookspec.semantic_checks import has_function_placeholder, safe_template
from scaffold.generator._schema.documents.annotations import find_annotations
from scaffold.generator._schema.documents.document import Document
from scaffold.generator._schema.types.collect_constraints import collect
from scaffold.generator._schema.types.constraints import Constraints
from scaffold.generator._source.diagnostics import Diagnostic, Replace
from scaffold.generator._source.json_values import is_object
from scaffold.generator.ir import Json

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
            holder = _holder(name, constraints, document)
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
                holder = _holder(name, constraints, document)
                at, code = ("properties", name), "input-property-name"
                yield documents.problem(holder, at, code, message, hint, key=True)


def _holder(name: str, constraints: Constraints, document: Document) -> Json:
    """Return the schema to report a property on: the one that declares it, or the whole input."""
    declared = name in constraints.primary.get("properties", {})
    return constraints.primary if declared else document.value


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


_TELLING = re.compile(
    r"(^|_|-|\b)(file|name|path|uri|url|ext|extension|suffix|lang|language|locale|mime|media|type"
    r"|format|document|source)|[a-z](File|Name|Path|U[Rr][IiLl]|Ext|Lang|Mime|Media|Type|Format)"
)
"""Names of properties that go with extensions, languages and media types (ADR-0002 section 5)."""


def lint_chains(sources: KindSources) -> Iterator[Diagnostic]:
    for hook in sources.hookspec.hooks:
        problem = _misfit(sources, hook) if hook.dispatch == "chain" else None
        if problem:
            message = f"the output of '{hook.name}' {problem}"
            hint = "in a chain each plugin's output is the next one's input"
            at = (*hook.at, "output_schema")
            yield sources.hookspec.source.problem(at, "broken-chain", message, hint)


def _misfit(sources: KindSources, hook: ParsedHook) -> str | None:
    """Say why the output of a chain hook can never be its input, if that is plain to see."""
    output = sources.payloads[hook.name, "output"]
    start = sources.payloads[hook.name, "input"]
    if output is None or start is None:
        return "cannot be an input: the hook takes none"
    given = collect(sources.documents, (output.value,))
    wanted = collect(sources.documents, (start.value,))
    if not given.types & wanted.types:
        return "is of another type than its input"
    lacking = sorted(set(wanted.required) - given.properties.keys())
    if given.record and lacking:
        return f"lacks '{lacking[0]}', which its input requires"
    extra = sorted(given.properties.keys() - wanted.properties.keys())
    if wanted.closed and extra:
        return f"has '{extra[0]}', which its input does not allow"
    return None


def lint_lonely_dispatch(sources: KindSources) -> Iterator[Diagnostic]:
    """Find hooks that are for several plugins, in a kind of which a host loads one."""
    for hook in sources.hookspec.hooks:
        if sources.hookspec.singleton_per_runtime and hook.dispatch != "singleton":
            message = (
                f"'{hook.name}' is for several plugins, but a host loads one plugin of this kind"
            )
            hint = "write 'dispatch: singleton', or remove 'singleton_per_runtime'"
            at = (*hook.at, "dispatch")
            yield sources.hookspec.source.problem(at, "lonely-dispatch", message, hint)


def lint_capabilities(sources: KindSources) -> Iterator[Diagnostic]:
    """Find capability hooks whose input says nothing of what a plugin must be capable of."""
    for hook in sources.hookspec.hooks:
        document = sources.payloads[hook.name, "input"]
        if hook.dispatch != "capability":
            continue
        constraints = collect(sources.documents, (document.value,)) if document else None
        names = constraints.properties if constraints else {}
        if not any(_TELLING.search(name) for name in names):
            message = f"nothing in the input of '{hook.name}' helps to select a plugin"
            hint = "add a file name, a language or a media type to it, or use 'singleton'"
            at = (*hook.at, "dispatch")
            yield sources.hookspec.source.problem(at, "capability-tie", message, hint)
