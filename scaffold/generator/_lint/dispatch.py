"""Warnings about dispatch: chains that do not fit, and inputs that do not select a plugin."""

import re
from collections.abc import Iterator

from scaffold.generator._compile.compiler import KindSources
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook
from scaffold.generator._schema.types.constraints import collect
from scaffold.generator._source.diagnostics import Diagnostic

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
