"""What is allowed in a hookspec and still better avoided: warnings, beside the errors."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from scaffold.generator._compile.compiler import Compilation, Reading, build, read_sources
from scaffold.generator._hookspec.parsed_hookspec import HookText, Silence
from scaffold.generator._hookspec.tool_name_checks import safe_template, wants_functions
from scaffold.generator._lint.old_drafts import lint_former
from scaffold.generator._lint.schemas import lint_schemas
from scaffold.generator._schema.documents.annotations import notes
from scaffold.generator._schema.documents.documents import Document
from scaffold.generator._schema.types.constraints import ANY, gather
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.edits import Replace
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.source_text import ON_DISK, Texts

__all__ = ["lint_kind"]


def lint_kind(path: Path, texts: Texts = ON_DISK) -> list[Diagnostic]:
    """Return every error and warning of a hookspec, in the order of the text."""
    try:
        reading = read_sources(path, texts)
    except SpecError as error:
        return list(error.diagnostics)
    if reading.problems:
        return _next_to_errors(reading, reading.problems)
    try:
        compilation = build(reading, path)
    except SpecError as error:
        return _next_to_errors(reading, error.diagnostics)
    found = {problem for rule in _RULES for problem in rule(compilation)}
    found |= {problem for rule in _KIND_RULES for problem in rule(compilation)}
    audible = {problem for problem in found if not _silences(compilation, problem)}
    audible |= set(_idle(compilation, found))
    return sorted(replace(problem, severity="warning") for problem in audible)


def _next_to_errors(reading: Reading, errors: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return errors, with the warnings about what is sound; these are mended when no error is."""
    faulty = {problem.file for problem in reading.documents.problems}
    payloads = {
        place: document
        for place, document in reading.payloads.items()
        if document is not None and not faulty.intersection(_files(reading, document))
    }
    hooks = tuple(
        hook
        for hook in reading.text.hooks
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
    sound = Reading(replace(reading.text, hooks=hooks), reading.documents, kept)
    found = {problem for rule in _RULES for problem in rule(sound)}
    audible = {problem for problem in found if not _silences(reading, problem)}
    warnings = {replace(problem, severity="warning", mend=None) for problem in audible}
    return sorted({*errors, *warnings})


def _files(reading: Reading, document: Document) -> set[str]:
    """Name the files that a document reaches; a reference to nothing makes it faulty anyway."""
    reached = [document]
    for each in reached:  # grows while it is read
        for schema, keyword in each.references:
            with suppress(SpecError):
                target = reading.documents.target(schema, keyword)[0]
                if target not in reached:
                    reached.append(target)
    return {each.source.file for each in reached}


def _silences(compilation: Reading, problem: Diagnostic) -> list[Silence]:
    """Return what in the hookspec accepts a warning."""
    file = problem.file.removeprefix(compilation.documents.store.shown)
    return [
        silence
        for silence in compilation.text.silenced
        if problem.code == silence.code
        and (
            file.startswith(silence.file)
            if silence.file[-1:] in ("", "/")
            else file == silence.file
        )
    ]


def _idle(compilation: Reading, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    used = [silence for problem in found for silence in _silences(compilation, problem)]
    for silence in compilation.text.silenced:
        if silence not in used:
            where = f"in '{silence.file}'" if silence.file else "in this kind"
            message = f"there is no warning '{silence.code}' {where} to silence"
            advice = "remove the entry, or mend it; errors cannot be silenced"
            source = compilation.text.source
            yield source.problem(silence.at, "idle-silence", message, advice)


def _folder(compilation: Compilation) -> Iterator[Diagnostic]:
    text = compilation.text
    folder, _, file = compilation.kind.source.rpartition("/")
    if folder and folder != text.name:
        message = f"the kind '{text.name}' stands in a folder called '{folder}'"
        advice = f"'{file}' is found by its folder's name: call it '{text.name}'"
        yield text.source.problem(("kind",), "kind-folder-mismatch", message, advice)


def _descriptions(compilation: Reading) -> Iterator[Diagnostic]:
    text = compilation.text
    if not text.description:
        message = f"the kind '{text.name}' has no description"
        advice = "say what plugins of this kind are for"
        yield text.source.problem(("kind",), "missing-description", message, advice)
    for hook in text.hooks:
        if not hook.description:
            message = f"the hook '{hook.name}' has no description"
            advice = "say what it does; people and models choose by it"
            yield text.source.problem((*hook.at, "name"), "missing-description", message, advice)
        for index, error in enumerate(hook.errors):
            if not error.description:
                message = f"the error '{error.code}' has no description"
                at = (*hook.at, "errors", index)
                yield text.source.problem(
                    at, "missing-description", message, "say when it is raised"
                )


def _properties(compilation: Reading) -> Iterator[Diagnostic]:
    """Find properties of exposed inputs whose meaning a model would have to guess."""
    documents = compilation.documents
    for document in _exposed_inputs(compilation).values():
        facts = gather(documents, (document.value,))
        for name, schemas in facts.properties.items():
            if notes(documents, schemas, "description"):
                continue
            message = f"the property '{name}' has no description"
            advice = "say what it means; a model has nothing else to go by"
            holder = facts.home if name in facts.home.get("properties", {}) else document.value
            at = ("properties", name)
            yield documents.problem(holder, at, "missing-description", message, advice, key=True)


def _property_names(compilation: Reading) -> Iterator[Diagnostic]:
    """Find properties of exposed inputs that services of models refuse a whole request for."""
    documents, hooks = compilation.documents, {hook.name: hook for hook in compilation.text.hooks}
    for hook, document in _exposed_inputs(compilation).items():
        facts = gather(documents, (document.value,))
        for name in facts.properties if not wants_functions(hooks[hook].tool) else ():
            if not _SAFE_PROPERTY.fullmatch(name):
                message = f"services of models refuse tools with an argument called '{name}'"
                advice = "use letters A to z, digits, '_', '.' and '-', 64 at most"
                holder = facts.home if name in facts.home.get("properties", {}) else document.value
                at, code = ("properties", name), "input-property-name"
                yield documents.problem(holder, at, code, message, advice, key=True)


_SAFE_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _tools(compilation: Reading) -> Iterator[Diagnostic]:
    for hook in compilation.text.hooks:
        if hook.exposed and "." in hook.tool:
            message = f"'{hook.tool}' has dots, and many MCP clients drop a server for them"
            advice = f"the tool is offered as '{safe_template(hook.tool)}'; write that"
            at = (*hook.at, "mcp_tool_name_template")
            source = compilation.text.source
            mend = [Replace(source.file, at, safe_template(hook.tool))]
            yield source.problem(at, "dotted-tool-name", message, advice, mend=mend, safe=False)


def _inputs(compilation: Compilation) -> Iterator[Diagnostic]:
    payloads = {hook.name: hook.input for hook in compilation.kind.hooks}
    hooks = {hook.name: hook for hook in compilation.text.hooks}
    for hook in _exposed_inputs(compilation):
        if not payloads[hook].object:
            message = f"the input of '{hook}' is not always an object, as MCP arguments are"
            advice = "wrap it in an object with 'type: object', or set 'mcp_exposed: false'"
            at = (*hooks[hook].at, "input_schema")
            yield compilation.text.source.problem(at, "input-no-object", message, advice)


def _chains(compilation: Reading) -> Iterator[Diagnostic]:
    for hook in compilation.text.hooks:
        problem = _misfit(compilation, hook) if hook.dispatch == "chain" else None
        if problem:
            message = f"the output of '{hook.name}' {problem}"
            advice = "in a chain each plugin's output is the next one's input"
            at = (*hook.at, "output_schema")
            yield compilation.text.source.problem(at, "broken-chain", message, advice)


def _misfit(compilation: Reading, hook: HookText) -> str | None:
    """Say why the output of a chain hook can never be its input, if that is plain to see."""
    output = compilation.payloads[hook.name, "output"]
    start = compilation.payloads[hook.name, "input"]
    if output is None or start is None:
        return "cannot be an input: the hook takes none"
    given = gather(compilation.documents, (output.value,))
    wanted = gather(compilation.documents, (start.value,))
    if not given.types & wanted.types:
        return "is of another type than its input"
    lacking = sorted(set(wanted.required) - given.properties.keys())
    if given.record and lacking:
        return f"lacks '{lacking[0]}', which its input requires"
    extra = sorted(given.properties.keys() - wanted.properties.keys())
    if wanted.closed and extra:
        return f"has '{extra[0]}', which its input does not allow"
    return None


def _roots(compilation: Reading) -> Iterator[Diagnostic]:
    """Find inputs whose properties do not stand at the root, where models' services want them."""
    hooks = {hook.name: hook for hook in compilation.text.hooks}
    for hook, document in _exposed_inputs(compilation).items():
        found = [
            word
            for word in _NOT_AT_THE_ROOT
            if is_object(document.value) and word in document.value
        ]
        if found and not wants_functions(hooks[hook].tool):
            message = (
                f"the input of '{hook}' has '{found[0]}' at its root, which some clients refuse"
            )
            advice = "put 'type: object' and 'properties' there, or set 'mcp_exposed: false'"
            at = (*hooks[hook].at, "input_schema")
            yield compilation.text.source.problem(at, "input-root", message, advice)


_NOT_AT_THE_ROOT = ("anyOf", "oneOf", "allOf", "not", "enum", "$ref")


def _open_payloads(compilation: Reading) -> Iterator[Diagnostic]:
    """Find payloads of which nothing is said; `true` says that anything is meant."""
    hooks = {hook.name: hook for hook in compilation.text.hooks}
    for (hook, side), document in compilation.payloads.items():
        if document is None or document.value is True:
            continue
        facts = gather(compilation.documents, (document.value,))
        if facts.bare and facts.types == ANY and not facts.left:
            message = f"the {side} of '{hook}' may be anything"
            advice = "say what it is, or write 'true' if anything is meant"
            at = (*hooks[hook].at, f"{side}_schema")
            yield compilation.text.source.problem(at, "accepts-anything", message, advice)


def _dispatch(compilation: Reading) -> Iterator[Diagnostic]:
    """Find hooks that are for several plugins, in a kind of which a host loads one."""
    for hook in compilation.text.hooks:
        if compilation.text.singleton_per_runtime and hook.dispatch != "singleton":
            message = f"'{hook.name}' is for several plugins, and a host loads one of this kind"
            advice = "write 'dispatch: singleton', or remove 'singleton_per_runtime'"
            at = (*hook.at, "dispatch")
            yield compilation.text.source.problem(at, "lonely-dispatch", message, advice)


def _capabilities(compilation: Reading) -> Iterator[Diagnostic]:
    """Find capability hooks whose input says nothing of what a plugin must be capable of."""
    for hook in compilation.text.hooks:
        document = compilation.payloads[hook.name, "input"]
        if hook.dispatch != "capability":
            continue
        facts = gather(compilation.documents, (document.value,)) if document else None
        names = facts.properties if facts else {}
        if not any(_TELLING.search(name) for name in names):
            message = f"nothing in the input of '{hook.name}' tells one plugin from another"
            advice = "let it hold a file name, a language or a media type, or use 'singleton'"
            at = (*hook.at, "dispatch")
            yield compilation.text.source.problem(at, "capability-tie", message, advice)


_TELLING = re.compile(
    r"(^|_|-|\b)(file|name|path|uri|url|ext|extension|suffix|lang|language|locale|mime|media|type"
    r"|format|document|source)|[a-z](File|Name|Path|U[Rr][IiLl]|Ext|Lang|Mime|Media|Type|Format)"
)
"""Names of properties that go with extensions, languages and media types (ADR-0002 section 5)."""


def _exposed_inputs(compilation: Reading) -> dict[str, Document]:
    """Return the input documents of the hooks that MCP clients see, by hook."""
    return {
        hook.name: document
        for hook in compilation.text.hooks
        if hook.exposed and (document := compilation.payloads[hook.name, "input"]) is not None
    }


_KIND_RULES: tuple[Callable[[Compilation], Iterator[Diagnostic]], ...] = (_folder, _inputs)
"""Rules about what is made of a hookspec; they need it to be sound."""

_RULES: tuple[Callable[[Reading], Iterator[Diagnostic]], ...] = (
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
    lint_former,
)
