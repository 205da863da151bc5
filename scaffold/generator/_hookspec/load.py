"""Read a hookspec file, and check its format and its semantics."""

from dataclasses import replace
from pathlib import Path

from scaffold.generator._hookspec.format_checks import check_format
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook, ParsedKind, SilencedWarning
from scaffold.generator._hookspec.semantic_checks import check_semantics
from scaffold.generator._hookspec.tool_name_checks import DEFAULT_TOOL_TEMPLATE
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.source_text import NO_OVERRIDES, Pointer, SourceFile, TextOverrides
from scaffold.generator._source.yaml_text import read_yaml
from scaffold.generator.ir import HookError, Json

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
