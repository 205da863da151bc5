"""The manifest: what a plugin is called, what it implements, and how it can be reached.

Sources: the reference of runtimes and manifests of dagstack's plugin system, its manifest schema,
and its ADRs 0001 to 0003 and 0006. Every manifest written for it loads unchanged.
"""

import sys
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from scaffold.contract._errors.errors import ManifestInvalid
from scaffold.contract._hooks.plugin import Plugin
from scaffold.contract._json import Json, JsonObject, is_array, is_object
from scaffold.manifest._errors import report_errors
from scaffold.manifest._file import ManifestFile, find_manifest
from scaffold.manifest._value_rules import (
    CORE_VERSION,
    CoreRange,
    EntryPoint,
    PluginName,
    Runtime,
    Runtimes,
    SchemaVersion,
    Seconds,
    Strings,
    Text,
    TlsVerify,
    Url,
    Version,
)

__all__ = [
    "CORE_VERSION",
    "Manifest",
    "McpHttp",
    "McpStdio",
    "Resources",
    "Runtime",
    "UnitOfWork",
    "manifest_of",
    "read_manifest",
]

ExecutionModel: TypeAlias = Literal["sync", "async", "thread_cpu_bound", "process_cpu_bound"]


class _Table(BaseModel):
    """A table of the manifest: a closed set of keys, of exact types."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


class McpStdio(_Table):
    """How to start the plugin as a subprocess."""

    command: Strings = Field(min_length=1)
    """The executable and its arguments. `python` stands for the plugin's own environment."""
    working_dir: str = "."
    """Where the process starts, relative to the manifest's folder."""
    env: dict[str, str] = Field(default={}, repr=False)
    """Environment variables, over the host's own."""
    env_inherit: Strings | None = None
    """Variables of the host that the process gets; all of them if it is absent."""
    startup_timeout_sec: Seconds | None = None
    """Seconds until the first answer; the plugin's own `startup_timeout_sec` if absent."""
    timeout_sec: Seconds = 60
    """Seconds that a call may take, unless its hook has a timeout of its own."""


class McpHttp(_Table):
    """Where the plugin is served, and how a host authenticates itself."""

    url: Url
    auth_header: Text = "Authorization"
    """The header that carries the secret; in `Authorization` it follows the word `Bearer`."""
    auth_secret_env: Text | None = None
    """The environment variable that holds the secret."""
    auth: dict[str, Any] = Field(default={}, repr=False)
    """What dagstack writes in its place: `token` is the secret itself."""
    timeout_sec: Seconds = 60
    """Seconds that one request may take."""
    tls_ca_bundle: Text | None = None
    """A file of certificate authorities, relative to the manifest's folder."""
    tls_verify: TlsVerify = True
    """False accepts any certificate: in development only."""


class Resources(_Table):
    """What the host should provide (ADR-0003 §3)."""

    required: Strings = ()
    optional: Strings = ()


class UnitOfWork(_Table):
    """How the plugin's long work is cut up (ADR-0003 §5)."""

    declared: bool = False
    """If false, nothing else here counts."""
    partition_key: str | None = None
    estimated_duration_sec: Seconds | None = None
    idempotency_mode: Literal["output_hash", "input_hash", "none"] = "none"
    checkpointable: bool = False


class Manifest(_Table):
    """A plugin's manifest, whichever way it was written down."""

    schema_version: SchemaVersion = "1"
    name: PluginName
    """Names the plugin in its host, in logs and in the names of its MCP tools."""
    kind: Text
    kind_api_version: Version = "1"
    """The version of the kind that the plugin implements; its major part decides."""
    core_version: CoreRange | None = None
    """The versions of the core that the plugin works with (PEP 440); see `CORE_VERSION`."""
    version: str | None = None
    """The plugin's own version."""
    description: str | None = None
    license: str | None = None
    maintainer: str | None = None
    homepage: str | None = None

    runtime: Runtimes
    """Every runtime that the plugin can be used in; the host picks."""
    entry_point: EntryPoint | None = None
    """`module:Class`, for `in_process`."""
    mcp_stdio: McpStdio | None = None
    mcp_http: McpHttp | None = None

    execution_model: ExecutionModel = "sync"
    """How an asynchronous host calls hooks that are plain functions (ADR-0003 §4)."""
    in_process_only: bool = False
    startup_timeout_sec: Seconds = 30
    """Seconds that `setup` may take."""
    teardown_timeout_sec: Seconds = 15
    """Seconds that `teardown` may take."""
    health_check: str | None = None

    priority: int = Field(default=0, ge=0)
    depends_on: Strings = ()
    """Names of plugins that must be there first."""
    tryfirst: bool = False
    trylast: bool = False
    capabilities: Strings = ()
    """What the plugin wants to touch: `network`, `filesystem.write`, …"""
    supports_languages: Strings = ()
    supports_extensions: Strings = ()
    supports_mime_types: Strings = ()
    fallback: bool = False
    """True for the plugin that answers when no other one's `supports_…` fits."""

    config: dict[str, Any] = Field(default={}, repr=False)
    """The plugin's settings; `host.configure` overrides them."""
    config_schema: dict[str, Any] | None = None
    """The JSON Schema that the settings obey."""
    resources: Resources = Resources()
    unit_of_work: UnitOfWork = UnitOfWork()
    metadata: dict[str, Any] = {}
    """Anything else that people want to know."""

    _file: Path = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Remember the file that the manifest was read from."""
        self._file = context

    @property
    def file(self) -> Path:
        """The file that the manifest was read from."""
        return self._file

    @property
    def folder(self) -> Path:
        """The plugin's folder: the one that the manifest is in, absolute."""
        return self._file.parent.absolute()

    @property
    def major(self) -> int:
        """The major version of the kind."""
        return int(self.kind_api_version.partition(".")[0])


_FLAT: Final[dict[str, tuple[str, str]]] = {
    "command": ("mcp_stdio", "command"),
    "env": ("mcp_stdio", "env"),
    "url": ("mcp_http", "url"),
    "endpoint": ("mcp_http", "url"),
    "auth": ("mcp_http", "auth"),
}
"""Keys that dagstack writes at the top, and where they belong."""

_ADDRESS: Final[dict[str, tuple[str, ...]]] = {
    "in_process": ("entry_point",),
    "mcp_stdio": ("mcp_stdio", "command"),
    "mcp_http": ("mcp_http", "url"),
}
"""What a manifest must say to offer a runtime."""


def read_manifest(path: Path) -> Manifest:
    """Read the manifest in a plugin's folder, or the manifest file given.

    A folder is searched for `dagstack.toml`, `dagstack-plugin.toml`, their JSON twins, and the
    sections for dagstack in `pyproject.toml` and `package.json`, in this order.

    Raises `ManifestInvalid`, whose `reason` lists everything found, one `file:line:col: code:
    message` a line.
    """
    document = find_manifest(path)
    content = _nest(document)
    _check_together(document, content)
    try:
        manifest = Manifest.model_validate(content, context=document.file)
    except ValidationError as error:
        report_errors(document, Manifest, error, _FLAT)
        document.raise_findings()
        raise
    document.raise_findings()
    return manifest


def manifest_of(
    plugin: type[Plugin] | None, name: str, keys: JsonObject, file: Path | None = None
) -> Manifest:
    """Write the manifest of a plugin that is registered as code; `keys` are those of a manifest.

    Raises `ManifestInvalid`.
    """
    content: JsonObject = {"name": name, "runtime": "in_process", **keys}
    if plugin is not None:
        module = sys.modules[plugin.__module__]
        file = Path(getattr(module, "__file__", None) or Path.cwd() / "unknown")
        content["kind"] = plugin.kind.name
        content["kind_api_version"] = plugin.kind.version
        content["entry_point"] = f"{plugin.__module__}:{plugin.__name__}"
    try:
        return Manifest.model_validate(content, context=file)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ManifestInvalid(name, f"{name}: {'; '.join(sorted(wrong))}") from None


def _nest(document: ManifestFile) -> JsonObject:
    """Return the content with flat keys where they belong, and without what is null."""
    content: JsonObject = {
        key: dict(value) if is_object(value) else value
        for key, value in document.content.items()
        if value is not None
    }
    for flat, (table, key) in _FLAT.items():
        if flat not in content:
            continue
        value = content.pop(flat)
        inner: Json = content.setdefault(table, {})
        if not is_object(inner):
            continue
        if key in inner:
            message = f"'{flat}' is also given as '{table}.{key}'"
            document.report(document.key((flat,)), "said-twice", message, "keep one of them")
        inner[key] = value
    for runtime, (table, *rest) in _ADDRESS.items():
        # dagstack allows `env` and `auth` for nothing; they mean nothing without an address.
        if rest and table not in document.content and _absent(content, _ADDRESS[runtime]):
            content.pop(table, None)
    return content


def _check_together(document: ManifestFile, content: JsonObject) -> None:
    """Check what takes more than one key to see."""
    runtimes: Json = content.get("runtime")
    for runtime in runtimes if is_array(runtimes) else [runtimes]:
        address = _ADDRESS.get(runtime) if isinstance(runtime, str) else None
        if address and _absent(content, address):
            index = (runtimes.index(runtime),) if is_array(runtimes) else ()
            message = f"runtime '{runtime}' needs '{'.'.join(address)}'"
            place = document.value(("runtime", *index))
            document.report(place, "missing-key", message, "say it, or drop the runtime")
    if content.get("tryfirst") is True and content.get("trylast") is True:
        message = "'tryfirst' and 'trylast' are both true"
        document.report(document.key(("trylast",)), "contradiction", message, "drop one of them")


def _absent(content: JsonObject, path: tuple[str, ...]) -> bool:
    found: Json = content
    for key in path:
        found = found.get(key) if is_object(found) else None
    return found is None
