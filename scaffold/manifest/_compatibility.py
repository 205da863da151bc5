"""Whether a host can use a plugin, as far as its manifest tells: its kind, settings and runtime."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic_core import from_json

from scaffold import kinds
from scaffold.contract._errors.errors import (
    KindUnknown,
    ManifestInvalid,
    PluginError,
    RuntimeNotSupported,
)
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json import Json, JsonObject
from scaffold.contract._validation.validator import CompiledSchema
from scaffold.manifest._model import Manifest, Runtime


def check_client(manifest: Manifest, client: type[Plugin]) -> None:
    """Raise `PluginError` if a plugin is of another kind than the client that is asked for."""
    kind = client.kind
    if (kind.name, kind.major) != (manifest.kind, manifest.major):
        raise PluginError(
            manifest.name,
            f"it is of kind {manifest.kind} {manifest.kind_api_version}, "
            f"and {client.__name__} is for {kind.name} {kind.version}",
        )


def check_kind(manifest: Manifest, kinds: Iterable[tuple[str, int]]) -> None:
    """Raise `KindUnknown` unless the kind, and then its version, are registered (ADR-0001)."""
    known = sorted(kinds)
    names = sorted({name for name, _ in known})
    if manifest.kind not in names:
        there = ", ".join(names) or "none"
        reason = (
            f"the kind '{manifest.kind}' is not registered with this host (registered: {there})"
        )
        raise KindUnknown(manifest.name, reason)
    if (manifest.kind, manifest.major) not in known:
        majors = ", ".join(str(major) for name, major in known if name == manifest.kind)
        reason = (
            f"it is of kind {manifest.kind} {manifest.kind_api_version}, "
            f"and this host has version {majors}"
        )
        raise KindUnknown(manifest.name, reason)


def check_config(manifest: Manifest, over: Mapping[str, Json]) -> JsonObject:
    """Return the plugin's settings, those in `over` last.

    Raises `ManifestInvalid` if its `config_schema` is not a valid schema, or if the settings break
    it. The message does not repeat values, because some may be secret.
    """
    config = {**manifest.config, **over}
    if manifest.config_schema is None:
        return config
    schema = CompiledSchema(manifest.config_schema)
    try:
        valid = schema.accepts(config)
    except PLUGIN_EXCEPTIONS as error:
        reason = f"{manifest.name}: its config_schema is not a valid JSON Schema: {error}"
        raise ManifestInvalid(manifest.name, reason.splitlines()[0]) from None
    if not valid:
        broken = sorted({f"{one.path or '(all)'} [{one.rule}]" for one in schema.problems(config)})
        reason = f"{manifest.name}: its settings break its config_schema: {', '.join(broken)}"
        raise ManifestInvalid(manifest.name, reason)
    return config


def usable_runtime(manifest: Manifest, kind: Kind, before: Runtime | None = None) -> Runtime:
    """Choose a runtime, the one before if the plugin still offers it.

    Raises `RuntimeNotSupported`, also if a kind or plugin for in-process use would be elsewhere.
    """
    runtime = choose_runtime(manifest, before if before in manifest.runtime else None)
    if runtime == "in_process":
        return runtime
    if manifest.in_process_only or kind.contract.get("in_process_only"):
        whose = "the plugin" if manifest.in_process_only else f"the kind '{kind.name}'"
        raise RuntimeNotSupported(manifest.name, f"{whose} is for use in process only")
    return runtime


HAS_PIPES: Final = os.name == "posix"
"""The client of processes polls pipes, and gives each process a session of its own."""

PREFERENCE: Final[tuple[Runtime, ...]] = ("in_process", "mcp_stdio", "mcp_http")
"""The fastest first; a host takes the first one that a plugin offers."""


def choose_runtime(manifest: Manifest, wanted: str | None) -> Runtime:
    """Pick the runtime asked for, or the best one that the manifest offers and this host can use.

    Raises `RuntimeNotSupported`.
    """
    usable: list[Runtime] = [
        one for one in PREFERENCE if one in manifest.runtime and _usable(manifest, one)
    ]
    for runtime in usable:
        if wanted in {None, runtime}:
            return runtime
    offers = f"the manifest offers {', '.join(manifest.runtime)}"
    can = f"this host can use {', '.join(usable) or 'none of them'}"
    asked = f", and was asked for {wanted}" if wanted else ""
    raise RuntimeNotSupported(manifest.name, f"{offers}; {can}{asked}")


def _usable(manifest: Manifest, runtime: Runtime) -> bool:
    if runtime == "in_process":
        # An entry point that is a file is for a host in another language.
        return ":" in (manifest.entry_point or "")
    return runtime != "mcp_stdio" or HAS_PIPES


def untyped_kind(manifest: Manifest) -> Kind:
    """Return the plugin's kind, untyped: from its own generated contract, or from those shipped.

    Raises `PluginError` if neither is there.
    """
    name = f"{manifest.kind}_v{manifest.major}"
    own = sorted(manifest.folder.glob(f"*/_generated/{name}/contract.json"))
    for file in [*own, Path(*kinds.__path__) / name / "contract.json"]:
        if file.is_file():
            return Kind.from_contract(from_json(file.read_bytes()))
    raise PluginError(
        manifest.name,
        f"nothing here tells what the kind {manifest.kind} {manifest.kind_api_version} is: "
        f"no '_generated/{name}/contract.json' in its folder, and none is shipped",
    )
