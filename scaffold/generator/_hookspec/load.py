"""Read a hookspec file, and check it: by the JSON Schema of the format, then by its own rules."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from scaffold._validators import ValidationError, Validator, compile_schema
from scaffold.generator._hookspec.folders import hookspec_format_path
from scaffold.generator._hookspec.naming import did_you_mean, intended_word
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook, ParsedKind, SilencedWarning
from scaffold.generator._hookspec.semantic_checks import DEFAULT_TOOL_TEMPLATE, check_semantics
from scaffold.generator._source.diagnostics import Diagnostic, Rename, Replace
from scaffold.generator._source.json_values import (
    describe_pointer,
    describe_types,
    describe_value,
    is_object,
)
from scaffold.generator._source.source_text import NO_OVERRIDES, Pointer, SourceFile, TextOverrides
from scaffold.generator._source.yaml_text import read_yaml
from scaffold.generator.ir import HookError, Json

_NAME_HINT = (
    "use snake_case: lower-case words of letters and digits, joined by '_', at most 64 long"
)
_VERSION_HINT = 'write a Semantic Versioning 2.0.0 version in quotes, as in "1.0.0"'
_MISSING_HINT = {
    "kind": "name the kind: 'kind: chunker'",
    "kind_api_version": _VERSION_HINT,
    "hooks": "list the operations of the kind under 'hooks:'",
    "name": _NAME_HINT,
    "dispatch": "say how a host calls the hook: 'singleton', 'broadcast_collect', "
    "'broadcast_notify', 'chain' or 'capability'",
    "code": _NAME_HINT,
    "because": "say why: 'because: …'",
}


_MAX_REPORTED_KEYS = 100
"""Unknown keys of one object that are reported one by one."""


def check_format(source: SourceFile) -> tuple[list[Diagnostic], set[Pointer]]:
    """Return every way in which a hookspec breaks the format, and the places that are broken.

    A place is a key of the hookspec, a hook, or a key of a hook. Schemas are not looked into.
    """
    found: list[Diagnostic] = []
    broken: set[Pointer] = set()
    for error in _validator().iter_errors(source.value):
        at: Pointer = tuple(error.instance_path)
        if _inside_a_schema(at):
            continue
        found += _EXPLAIN[error.kind.name](source, at, error)
        if error.kind.name not in _LEAVES_REST_READABLE:
            broken.add(at[: 3 if at[:1] == ("hooks",) else 1])
    return found, broken


@cache
def _validator() -> Validator:
    return compile_schema(json.loads(hookspec_format_path().read_text("utf-8")))


def _inside_a_schema(at: Pointer) -> bool:
    return any(key in ("input_schema", "output_schema") for key in at[:-1])


def _unknown(source: SourceFile, at: Pointer, error: ValidationError) -> Iterator[Diagnostic]:
    known = _keys_at(error)
    where = "a hookspec" if not at else f"'{describe_pointer(at)}'"
    unexpected: list[str] = error.kind.as_dict()["unexpected"]
    free = set(known).difference(_keys(error.instance))
    for key in unexpected[:_MAX_REPORTED_KEYS]:
        message = f"{where} has no key '{key}'"
        hint = did_you_mean(key, known)
        meant = intended_word(key, free)
        fix = [Rename(source.file, (*at, key), meant)] if meant else []
        yield source.problem((*at, key), "unknown-key", message, hint, key=True, fix=fix)
    left = len(unexpected) - _MAX_REPORTED_KEYS
    if left > 0:
        key = unexpected[_MAX_REPORTED_KEYS]
        message = f"{where} has {left} more unknown keys"
        yield source.problem((*at, key), "unknown-key", message, key=True)


def _missing(source: SourceFile, at: Pointer, error: ValidationError) -> Iterator[Diagnostic]:
    key = str(error.kind.as_dict()["property"])
    where = "the hookspec" if not at else f"'{describe_pointer(at)}'"
    message = f"{where} lacks the key '{key}'"
    yield source.problem(at, "missing-key", message, _MISSING_HINT[key])


def _wrong_type(source: SourceFile, at: Pointer, error: ValidationError) -> Iterator[Diagnostic]:
    value: object = error.instance
    if at == ("kind_api_version",) and isinstance(value, int | float):
        message = f"the version must be text, not the number {value}"
        yield source.problem(at, "version-not-quoted", message, _VERSION_HINT)
        return
    wanted = describe_types(error.kind.as_dict()["types"])
    where = "the hookspec" if not at else f"'{describe_pointer(at)}'"
    message = f"{where} must be {wanted}, not {describe_value(value)}"
    yield source.problem(at, "wrong-type", message)


def _wrong_choice(source: SourceFile, at: Pointer, error: ValidationError) -> Iterator[Diagnostic]:
    options = error.kind.as_dict()["options"]
    meant = intended_word(str(error.instance), options)
    fix = [Replace(source.file, at, meant)] if meant else []
    hint = did_you_mean(str(error.instance), options)
    if at[-1] == "dispatch":
        message = f"there is no dispatch class '{error.instance}'"
        yield source.problem(at, "unknown-dispatch", message, hint, fix=fix)
    else:
        message = f"'{describe_pointer(at)}' cannot be '{error.instance}'"
        yield source.problem(at, "unknown-choice", message, hint, fix=fix)


def _wrong_text(source: SourceFile, at: Pointer, error: ValidationError) -> Iterator[Diagnostic]:
    if at == ("kind_api_version",):
        message = f"'{error.instance}' is not a version"
        yield source.problem(at, "bad-version", message, _VERSION_HINT)
        return
    message = f"'{error.instance}' cannot be a name here"
    yield source.problem(at, "bad-name", message, _NAME_HINT)


def _no_hooks(source: SourceFile, at: Pointer, _error: ValidationError) -> Iterator[Diagnostic]:
    yield source.problem(at, "no-hooks", "the kind has no hooks", "list at least one")


def _no_time(source: SourceFile, at: Pointer, error: ValidationError) -> Iterator[Diagnostic]:
    message = f"a call cannot finish within {error.instance} seconds"
    yield source.problem(at, "bad-timeout", message, "allow more than 0 seconds")


_EXPLAIN: dict[str, Callable[[SourceFile, Pointer, Any], Iterator[Diagnostic]]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "type": _wrong_type,
    "enum": _wrong_choice,
    "pattern": _wrong_text,
    "maxLength": _wrong_text,
    "minItems": _no_hooks,
    "exclusiveMinimum": _no_time,
}


_LEAVES_REST_READABLE = {"additionalProperties", "required", "minItems"}
"""What is wrong with an object and leaves the rest of it as good as it was."""


def _keys(value: Json) -> list[str]:
    return list(value) if is_object(value) else []


def _keys_at(error: ValidationError) -> list[str]:
    """Return the keys that the format knows at the place of an error."""
    schema: Any = json.loads(hookspec_format_path().read_text("utf-8"))
    for step in list(error.schema_path)[:-1]:
        schema = schema[step]
    return list(schema["properties"])


_UNNAMED = "kind"


def load_hookspec(path: Path, texts: TextOverrides = NO_OVERRIDES) -> ParsedKind:
    """Read a hookspec file, as far as it can be read, with every problem of the file itself.

    Raises:
        SpecError: The file is not YAML.
    """
    source = read_yaml(path, str(path), texts)
    problems, broken = check_format(source)
    kind = _kind(source, _sound(source.value, broken))
    return replace(kind, problems=(*problems, *check_semantics(kind, path)))


def _sound(value: Json, broken: set[Pointer]) -> dict[str, Json]:
    """Return what of a hookspec keeps to the format; hooks by their place, if they have a name."""
    if not is_object(value) or () in broken:
        return {}
    sound = {key: part for key, part in value.items() if (key,) not in broken}
    hooks = {
        index: {key: part for key, part in hook.items() if ("hooks", index, key) not in broken}
        for index, hook in enumerate(sound.get("hooks", []))
        if ("hooks", index) not in broken
    }
    return {**sound, "hooks": {index: hook for index, hook in hooks.items() if "name" in hook}}


def _kind(source: SourceFile, value: dict[str, Json]) -> ParsedKind:
    constraints = value.get("constraints", {})
    in_process_only = constraints.get("in_process_only", False)
    return ParsedKind(
        source=source,
        name=value.get("kind", _UNNAMED),
        version=value.get("kind_api_version", ""),
        description=value.get("description", "").strip(),
        in_process_only=in_process_only,
        singleton_per_runtime=constraints.get("singleton_per_runtime", False),
        remotes=value.get("remotes", {}),
        silenced=tuple(
            SilencedWarning(("silence", index), each["code"], each.get("in", ""))
            for index, each in enumerate(value.get("silence", []))
            if "code" in each
        ),
        hooks=tuple(
            _hook(("hooks", index), hook, exposable=not in_process_only)
            for index, hook in value.get("hooks", {}).items()
        ),
    )


def _hook(at: Pointer, value: Json, *, exposable: bool) -> ParsedHook:
    deprecated = value.get("deprecated")
    if isinstance(deprecated, bool):
        deprecated = "Do not use it any more." if deprecated else None
    return ParsedHook(
        at=at,
        name=value["name"],
        description=value.get("description", "").strip(),
        dispatch=value.get("dispatch", "singleton"),
        input_schema=value.get("input_schema"),
        output_schema=value.get("output_schema"),
        exposed=exposable and value.get("mcp_exposed", True),
        tool=value.get("mcp_tool_name_template", DEFAULT_TOOL_TEMPLATE),
        catalogue=value.get("catalogue"),
        content=value.get("content", False),
        stream=value.get("stream", False),
        best_effort=value.get("error_policy") == "best_effort",
        errors=tuple(
            HookError(error["code"], error.get("description", "").strip())
            for error in value.get("errors", [])
            if "code" in error
        ),
        idempotent=value.get("idempotent", False),
        read_only=value.get("read_only", False),
        timeout=value.get("timeout_sec"),
        since=value.get("since"),
        deprecated=deprecated,
    )
