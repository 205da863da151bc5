"""The part of a plugin's context that is data, and can be sent to another process."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Final, Self

from pydantic_core import from_json, to_json

from scaffold.contract._json import Json, JsonObject, is_object

CONTEXT_VARIABLE: Final = "SCAFFOLD_PLUGIN_CONTEXT"
"""The environment variable with a `ContextData` as JSON, for a process of a plugin."""
PROOF_VARIABLE: Final = "SCAFFOLD_HTTP_PROOF"
"""The environment variable with the token by which a server recognises its own host."""


@dataclass(frozen=True, slots=True)
class ContextData:
    """The context of a plugin as data, without its settings."""

    kind: str = ""
    """The kind, as a label of measurements."""
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What the host tells all plugins about itself: deployment, region, …"""
    required: tuple[str, ...] = ()
    """Resources without which the plugin cannot be used."""
    optional: tuple[str, ...] = ()
    """Resources that are omitted if they are unavailable."""
    awaited: bool = False
    """True if the `execution_model` is `async`: the plugin then gets an async `http_client`."""
    storage: str | None = None
    """The folder for blobs and checkpoints; `None` means a temporary folder."""
    doubles: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Test doubles for standard resources, by name; see `STANDARD`."""
    telemetry: str = ""
    """The adapter for metrics and traces: `opentelemetry`, or empty for none."""

    def as_json(self) -> str:
        """Return the data as JSON, for the environment of a process."""
        return to_json({name: value for name, value in asdict(self).items() if value}).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read data from JSON; raise `ValueError` or `TypeError` for any other text."""
        content = from_json(text)
        if not is_object(content):
            raise TypeError("it is not a JSON object")
        return cls.of(content)

    @classmethod
    def of(cls, content: JsonObject) -> Self:
        """Make it from values by name. Unknown names are ignored: the host may be newer."""
        known = {field.name for field in fields(cls)}
        given = {name: value for name, value in content.items() if name in known}
        for name in given.keys() & {"required", "optional"}:
            given[name] = tuple(given[name])
        return cls(**given)
