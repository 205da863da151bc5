"""Lint a hookspec: all errors, and warnings about what is valid but better avoided."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from scaffold.generator._compile.compiler import (
    CompiledKind,
    KindSources,
    compile_sources,
    read_sources,
)
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook, SilencedWarning
from scaffold.generator._hookspec.tool_name_checks import has_function_placeholder, safe_template
from scaffold.generator._lint.old_drafts import lint_old_drafts
from scaffold.generator._lint.schemas import lint_schemas
from scaffold.generator._schema.documents.annotations import find_annotations
from scaffold.generator._schema.documents.documents import Document
from scaffold.generator._schema.types.constraints import ANY_TYPE, collect
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.edits import Replace
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.source_text import NO_OVERRIDES, TextOverrides

__all__ = ["lint_kind"]


def lint_kind(path: Path, texts: TextOverrides = NO_OVERRIDES) -> list[Diagnostic]:
    """Return every error and warning of a hookspec, in the order of the text."""
    try:
        sources = read_sources(path, texts)
    except SpecError as error:
        return list(error.diagnostics)
    if sources.problems:
        return _next_to_errors(sources, sources.problems)
    try:
        sources = compile_sources(sources, path)
    except SpecError as error:
        return _next_to_errors(sources, error.diagnostics)
    found = {problem for rule in _RULES for problem in rule(sources)}
    found |= {problem for rule in _KIND_RULES for problem in rule(sources)}
    audible = {problem for problem in found if not _silences(sources, problem)}
    audible |= set(_idle(sources, found))
    return sorted(replace(problem, severity="warning") for problem in audible)


def _next_to_errors(sources: KindSources, errors: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return errors, and warnings about the valid parts; these get fixes once no error is left."""
    faulty = {problem.file for problem in sources.documents.problems}
    payloads = {
        place: document
        for place, document in sources.payloads.items()
        if document is not None and not faulty.intersection(_files(sources, document))
    }
    hooks = tuple(
        hook
        for hook in sources.hookspec.hooks
        if all(
            (hook.name, side) in payloads or schema is None
            for side, schema in (("input", hook.input_schema), ("output", hook.output_schema))
        )
    )
    kept = {
        (hook.name, side): payloads.get((hook.name, side))
        for hook in hooks
        for side in ("input", "output")
    }
    sound = KindSources(replace(sources.hookspec, hooks=hooks), sources.documents, kept)
    found = {problem for rule in _RULES for problem in rule(sound)}
    audible = {problem for problem in found if not _silences(sources, problem)}
    warnings = {replace(problem, severity="warning", fix=None) for problem in audible}
    return sorted({*errors, *warnings})


def _files(sources: KindSources, document: Document) -> set[str]:
    """Name the files that a document reaches; a reference to nothing makes it faulty anyway."""
    reached = [document]
    for each in reached:  # grows while it is read
        for schema, keyword in each.references:
            with suppress(SpecError):
                target = sources.documents.target(schema, keyword)[0]
                if target not in reached:
                    reached.append(target)
    return {each.source.file for each in reached}


def _silences(sources: KindSources, problem: Diagnostic) -> list[SilencedWarning]:
    """Return what in the hookspec accepts a warning."""
    file = problem.file.removeprefix(sources.documents.schema_files.display_prefix)
    return [
        silence
        for silence in sources.hookspec.silenced
        if problem.code == silence.code
        and (
            file.startswith(silence.file)
            if silence.file[-1:] in ("", "/")
            else file == silence.file
        )
    ]


def _idle(sources: KindSources, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    used = [silence for problem in found for silence in _silences(sources, problem)]
    for silence in sources.hookspec.silenced:
        if silence not in used:
            where = f"in '{silence.file}'" if silence.file else "in this kind"
            message = f"there is no warning '{silence.code}' {where} to silence"
            hint = "remove or correct the entry; errors cannot be silenced"
            source = sources.hookspec.source
            yield source.problem(silence.at, "idle-silence", message, hint)


def _folder(sources: CompiledKind) -> Iterator[Diagnostic]:
    text = sources.hookspec
    folder, _, file = sources.kind.source.rpartition("/")
    if folder and folder != text.name:
        message = f"the kind '{text.name}' is in a folder called '{folder}'"
        hint = f"'{file}' is found by the name of its folder: rename the folder to '{text.name}'"
        yield text.source.problem(("kind",), "kind-folder-mismatch", message, hint)


def _descriptions(sources: KindSources) -> Iterator[Diagnostic]:
    text = sources.hookspec
    if not text.description:
        message = f"the kind '{text.name}' has no description"
        hint = "say what plugins of this kind are for"
        yield text.source.problem(("kind",), "missing-description", message, hint)
    for hook in text.hooks:
        if not hook.description:
            message = f"the hook '{hook.name}' has no description"
            hint = "describe what it does: people and models choose hooks by their description"
            yield text.source.problem((*hook.at, "name"), "missing-description", message, hint)
        for index, error in enumerate(hook.errors):
            if not error.description:
                message = f"the error '{error.code}' has no description"
                at = (*hook.at, "errors", index)
                yield text.source.problem(
                    at, "missing-description", message, "say when it is raised"
                )


def _properties(sources: KindSources) -> Iterator[Diagnostic]:
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


def _property_names(sources: KindSources) -> Iterator[Diagnostic]:
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


_SAFE_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _tools(sources: KindSources) -> Iterator[Diagnostic]:
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


def _inputs(sources: CompiledKind) -> Iterator[Diagnostic]:
    payloads = {hook.name: hook.input for hook in sources.kind.hooks}
    hooks = {hook.name: hook for hook in sources.hookspec.hooks}
    for hook in _exposed_inputs(sources):
        if not payloads[hook].object:
            message = f"the input of '{hook}' is not always an object, as MCP arguments are"
            hint = "wrap it in an object with 'type: object', or set 'mcp_exposed: false'"
            at = (*hooks[hook].at, "input_schema")
            yield sources.hookspec.source.problem(at, "input-no-object", message, hint)


def _chains(sources: KindSources) -> Iterator[Diagnostic]:
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


def _roots(sources: KindSources) -> Iterator[Diagnostic]:
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


_NOT_AT_THE_ROOT = ("anyOf", "oneOf", "allOf", "not", "enum", "$ref")


def _open_payloads(sources: KindSources) -> Iterator[Diagnostic]:
    """Find payloads of which nothing is said; `true` says that anything is meant."""
    hooks = {hook.name: hook for hook in sources.hookspec.hooks}
    for (hook, side), document in sources.payloads.items():
        if document is None or document.value is True:
            continue
        constraints = collect(sources.documents, (document.value,))
        if constraints.bare and constraints.types == ANY_TYPE and not constraints.left:
            message = f"the {side} of '{hook}' may be anything"
            hint = "say what it is, or write 'true' if anything is meant"
            at = (*hooks[hook].at, f"{side}_schema")
            yield sources.hookspec.source.problem(at, "accepts-anything", message, hint)


def _dispatch(sources: KindSources) -> Iterator[Diagnostic]:
    """Find hooks that are for several plugins, in a kind of which a host loads one."""
    for hook in sources.hookspec.hooks:
        if sources.hookspec.singleton_per_runtime and hook.dispatch != "singleton":
            message = (
                f"'{hook.name}' is for several plugins, but a host loads one plugin of this kind"
            )
            hint = "write 'dispatch: singleton', or remove 'singleton_per_runtime'"
            at = (*hook.at, "dispatch")
            yield sources.hookspec.source.problem(at, "lonely-dispatch", message, hint)


def _capabilities(sources: KindSources) -> Iterator[Diagnostic]:
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


_TELLING = re.compile(
    r"(^|_|-|\b)(file|name|path|uri|url|ext|extension|suffix|lang|language|locale|mime|media|type"
    r"|format|document|source)|[a-z](File|Name|Path|U[Rr][IiLl]|Ext|Lang|Mime|Media|Type|Format)"
)
"""Names of properties that go with extensions, languages and media types (ADR-0002 section 5)."""


def _exposed_inputs(sources: KindSources) -> dict[str, Document]:
    """Return the input documents of the hooks that MCP clients see, by hook."""
    return {
        hook.name: document
        for hook in sources.hookspec.hooks
        if hook.exposed and (document := sources.payloads[hook.name, "input"]) is not None
    }


_KIND_RULES: tuple[Callable[[CompiledKind], Iterator[Diagnostic]], ...] = (_folder, _inputs)
"""Rules about what is made of a hookspec; they need it to be sound."""

_RULES: tuple[Callable[[KindSources], Iterator[Diagnostic]], ...] = (
    _descriptions,
    _properties,
    _property_names,
    _tools,
    _roots,
    _open_payloads,
    _dispatch,
    _capabilities,
    _chains,
    lint_schemas,
    lint_old_drafts,
)
