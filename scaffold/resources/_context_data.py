"""What a host says of itself to a plugin, in its own process or in another one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Final, Self

from pydantic_core import from_json, to_json

from scaffold.contract._json.types import Json, JsonObject, is_object

__all__ = ["CONTEXT_VARIABLE", "PROOF_VARIABLE", "ContextData"]

CONTEXT_VARIABLE: Final = "SCAFFOLD_PLUGIN_CONTEXT"
"""The environment variable in which a host tells a plugin's process, as JSON, what is here."""
PROOF_VARIABLE: Final = "SCAFFOLD_HTTP_PROOF"
"""The environment variable with what the requests of a host show to the server it has started."""


@dataclass(frozen=True, slots=True)
class ContextData:
    """Everything about a plugin's context that is data, but for its settings."""

    kind: str = ""
    """The kind, as a label of measurements."""
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What the host says of itself: deployment, region, …"""
    required: tuple[str, ...] = ()
    """Resources without which the plugin cannot be used."""
    optional: tuple[str, ...] = ()
    """Resources that are left out if they cannot be had."""
    awaited: bool = False
    """True for a plugin whose `execution_model` is `async`: so is its `http_client`."""
    storage: str | None = None
    """The folder for blobs and checkpoints; a temporary one if it is `None`."""
    doubles: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Standard resources that are to be test doubles, and what they are made of; see `standard`."""
    telemetry: str = ""
    """The adapter for metrics and traces: `opentelemetry`, or empty for none."""

    def as_json(self) -> str:
        """Write them for the environment of a process."""
        return to_json({name: value for name, value in asdict(self).items() if value}).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what a host has written; raise `ValueError` for what none has."""
        content = from_json(text)
        if not is_object(content):
            raise TypeError("it is no JSON object")
        return cls.of(content)

    @classmethod
    def of(cls, content: JsonObject) -> Self:
        """Take values by name; unknown names are ignored, for the host may be newer."""
        known = {one.name for one in fields(cls)}
        given = {name: value for name, value in content.items() if name in known}
        for name in given.keys() & {"required", "optional"}:
            given[name] = tuple(given[name])
        return cls(**given)
