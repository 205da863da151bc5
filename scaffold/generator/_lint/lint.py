"""Lint a hookspec: all errors, and warnings about what is valid but better avoided."""

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
from scaffold.generator._hookspec.parsed_hookspec import SilencedWarning
from scaffold.generator._lint.hooks import (
    lint_argument_names,
    lint_capabilities,
    lint_chains,
    lint_descriptions_of_arguments,
    lint_input_roots,
    lint_input_types,
    lint_lonely_dispatch,
    lint_tool_names,
)
from scaffold.generator._lint.old_drafts import lint_old_drafts
from scaffold.generator._lint.schemas import lint_schemas
from scaffold.generator._schema.documents.document import Document
from scaffold.generator._schema.types.collect_constraints import collect
from scaffold.generator._schema.types.constraints import ANY_TYPE
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.source_text import NO_OVERRIDES, TextOverrides


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


_KIND_RULES: tuple[Callable[[CompiledKind], Iterator[Diagnostic]], ...] = (
    _folder,
    lint_input_types,
)
"""Rules about what is made of a hookspec; they need it to be sound."""

_RULES: tuple[Callable[[KindSources], Iterator[Diagnostic]], ...] = (
    _descriptions,
    lint_descriptions_of_arguments,
    lint_argument_names,
    lint_tool_names,
    lint_input_roots,
    _open_payloads,
    lint_lonely_dispatch,
    lint_capabilities,
    lint_chains,
    lint_schemas,
    lint_old_drafts,
)
