"""Whether a host can use a plugin, as far as its manifest tells: checked in one fixed order."""

from collections.abc import Iterable, Mapping

from scaffold.contract._errors.errors import KindUnknown, ManifestInvalid, RuntimeNotSupported
from scaffold.contract._errors.masking import PLUGIN_EXCEPTIONS
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._json.types import Json, JsonObject
from scaffold.contract._validation.validator import CompiledSchema
from scaffold.manifest._model import Manifest, Runtime


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


def check_runtime(manifest: Manifest, kind: Kind, runtime: Runtime) -> None:
    """Raise `RuntimeNotSupported` if a kind or plugin for in-process use would be elsewhere."""
    if runtime == "in_process":
        return
    if manifest.in_process_only or kind.contract.get("in_process_only"):
        whose = "the plugin" if manifest.in_process_only else f"the kind '{kind.name}'"
        raise RuntimeNotSupported(manifest.name, f"{whose} is for use in process only")
