"""Read a hookspec: the YAML file, held to its format and to the rules no JSON Schema can say."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scaffold.generator.diagnostics import Diagnostic, SpecError
from scaffold.generator.ir import HookError, Json
from scaffold.generator.names import KEYWORDS, TAKEN_ATTRIBUTES, pascal
from scaffold.generator.source import Pointer, Source
from scaffold.generator.source_yaml import read_yaml
from scaffold.generator.structure import check_structure
from scaffold.generator.tool_names import DEFAULT_TOOL, check_tool_names

__all__ = ["HookText", "KindText", "load"]

_RESERVED_ERRORS = {"invalid_input", "invalid_output", "internal"}
_FILE = re.compile(r"v([0-9]+)")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^?#\s]*/")


@dataclass(frozen=True, slots=True)
class HookText:
    """A hook as its author wrote it; defaults are filled in, schemas are not looked into."""

    at: Pointer
    name: str
    description: str
    dispatch: str
    input_schema: Json
    """The path of a file, an inline schema, or `None`."""
    output_schema: Json
    exposed: bool
    tool: str
    catalogue: str | None
    content: bool
    errors: tuple[HookError, ...]
    idempotent: bool
    read_only: bool
    timeout: float | None
    since: str | None
    deprecated: str | None


@dataclass(frozen=True, slots=True)
class KindText:
    """A hookspec as its author wrote it."""

    source: Source
    name: str
    version: str
    description: str
    in_process_only: bool
    singleton_per_runtime: bool
    remotes: Mapping[str, str]
    """The folders that hold copies of what URIs mean, by the beginning of the URIs."""
    hooks: tuple[HookText, ...]


def load(path: Path) -> KindText:
    """Read a hookspec file; raise `SpecError` with every problem of the file itself."""
    source = read_yaml(path, str(path))
    problems = check_structure(source)
    if problems:
        raise SpecError(problems)
    kind = _kind(source)
    problems = [*_check_kind(kind, path), *_check_hooks(kind), *check_tool_names(kind)]
    if problems:
        raise SpecError(problems)
    return kind


def _kind(source: Source) -> KindText:
    value = source.value
    constraints = value.get("constraints", {})
    in_process_only = constraints.get("in_process_only", False)
    return KindText(
        source=source,
        name=value["kind"],
        version=value["kind_api_version"],
        description=value.get("description", "").strip(),
        in_process_only=in_process_only,
        singleton_per_runtime=constraints.get("singleton_per_runtime", False),
        remotes=value.get("remotes", {}),
        hooks=tuple(
            _hook(("hooks", index), hook, exposable=not in_process_only)
            for index, hook in enumerate(value["hooks"])
        ),
    )


def _hook(at: Pointer, value: Json, *, exposable: bool) -> HookText:
    deprecated = value.get("deprecated")
    if isinstance(deprecated, bool):
        deprecated = "Do not use it any more." if deprecated else None
    return HookText(
        at=at,
        name=value["name"],
        description=value.get("description", "").strip(),
        dispatch=value["dispatch"],
        input_schema=value.get("input_schema"),
        output_schema=value.get("output_schema"),
        exposed=exposable and value.get("mcp_exposed", True),
        tool=value.get("mcp_tool_name_template", DEFAULT_TOOL),
        catalogue=value.get("catalogue"),
        content=value.get("content", False),
        errors=tuple(
            HookError(error["code"], error.get("description", "").strip())
            for error in value.get("errors", [])
        ),
        idempotent=value.get("idempotent", False),
        read_only=value.get("read_only", False),
        timeout=value.get("timeout_sec"),
        since=value.get("since"),
        deprecated=deprecated,
    )


def _check_kind(kind: KindText, path: Path) -> Iterator[Diagnostic]:
    if kind.name in KEYWORDS:
        message = f"'{kind.name}' is a keyword"
        advice = "name the kind by a word that Python, TypeScript and Go leave free"
        yield kind.source.problem(("kind",), "keyword-name", message, advice)
    for prefix in kind.remotes:
        if not _REMOTE.fullmatch(prefix):
            message = f"'{prefix}' is not the beginning of URIs"
            advice = "write an absolute URI that ends with '/', as in 'https://example.com/'"
            yield kind.source.problem(("remotes", prefix), "bad-remote", message, advice, key=True)
    stem = _FILE.fullmatch(path.stem)
    major = kind.version.split(".", 1)[0]
    if stem and stem[1] != major:
        message = f"the file '{path.name}' holds version {kind.version}"
        advice = f"call the file 'v{major}{path.suffix}', or mend the version"
        yield kind.source.problem(("kind_api_version",), "version-file-mismatch", message, advice)


def _check_hooks(kind: KindText) -> Iterator[Diagnostic]:
    problem = kind.source.problem
    taken: dict[str, str] = {}
    for hook in kind.hooks:
        at: Pointer = (*hook.at, "name")
        class_name = pascal(hook.name)
        if hook.name in KEYWORDS:
            advice = f"add a word, as in '{hook.name}_item'"
            yield problem(at, "keyword-name", f"'{hook.name}' is a keyword", advice)
        elif hook.name in TAKEN_ATTRIBUTES:
            message = f"every plugin has a '{hook.name}' of its own"
            advice = f"add a word, as in '{hook.name}_item'"
            yield problem(at, "taken-name", message, advice)
        if class_name in taken:
            other = taken[class_name]
            if other == hook.name:
                message = f"there are two hooks '{hook.name}'"
            else:
                message = f"the hooks '{other}' and '{hook.name}' give types of one name"
            yield problem(at, "duplicate-hook", message, "rename one of the two")
        taken[class_name] = hook.name
        yield from _check_hook(kind, hook)


def _check_hook(kind: KindText, hook: HookText) -> Iterator[Diagnostic]:
    problem = kind.source.problem
    if kind.source.value[hook.at[0]][hook.at[1]].get("stream"):
        message = f"the hook '{hook.name}' streams, and streaming hooks are not generated yet"
        advice = "remove 'stream', and answer in one piece or in pages"
        yield problem((*hook.at, "stream"), "stream-unsupported", message, advice, key=True)
    if hook.output_schema is None and hook.dispatch != "broadcast_notify":
        message = f"the hook '{hook.name}' lacks the key 'output_schema'"
        advice = "describe the answer; only a 'broadcast_notify' hook may answer nothing"
        yield problem(hook.at, "missing-key", message, advice)
    codes: set[str] = set()
    for index, error in enumerate(hook.errors):
        at = (*hook.at, "errors", index, "code")
        if error.code in _RESERVED_ERRORS:
            message = f"the error code '{error.code}' belongs to the runtime"
            yield problem(at, "reserved-error", message, "use a code of the hook's own")
        if error.code in codes:
            message = f"the error code '{error.code}' is there twice"
            yield problem(at, "duplicate-error", message, "remove one of the two")
        codes.add(error.code)
