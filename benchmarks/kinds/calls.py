"""The hooks of the shipped kinds, each with a small payload."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

__all__ = ["CALLS", "HookCall", "class_name"]


@dataclass(frozen=True, slots=True)
class HookCall:
    """One hook that is measured."""

    kind: str
    hook: str
    payload: Mapping[str, Any] | None
    tool: str = ""
    """The peers' tool that does the same; empty if they have none."""
    remote: bool = True
    """False for a kind whose plugins stay in the host's process."""

    @property
    def title(self) -> str:
        """The name of the row in the tables."""
        return f"{self.kind}.{self.hook}"

    def bindings(self) -> Any:
        """Import the bindings that ship with scaffold: those of the host."""
        return import_module(f"scaffold.kinds.{self.kind}_v1")

    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments of the hook, made of the classes of the host."""
        if self.payload is None:
            return ()
        return (getattr(self.bindings(), class_name(self.hook, "Input"))(**self.payload),)


def class_name(snake_case: str, suffix: str) -> str:
    """Return the name that the generator gives to a class of a kind or hook."""
    return "".join(word.capitalize() for word in snake_case.split("_")) + suffix


CALLS: Final = (
    HookCall("text_processor", "process", {"text": "The quick brown fox."}, "process"),
    HookCall(
        "chunker",
        "chunk",
        {"document": {"path": "guide.md", "text": "# A guide\n\nFirst of all, welcome.\n"}},
        "chunk",
    ),
    HookCall("source", "list_items", {"query": "guide", "limit": 10}, "list_items"),
    HookCall(
        "audit_logger",
        "on_event",
        {
            "id": "5f1b0c9e-9d2e-4c8b-8a59-6f0f4f4f3a10",
            "time": "2026-11-30T12:00:00Z",
            "actor": {"type": "user", "id": "ada"},
            "action": "document.delete",
            "outcome": "success",
        },
        "on_event",
    ),
    HookCall("tool", "execute", {"function": "greet", "args": {"name": "Ada"}}, "greet"),
    HookCall("tool", "get_schema", None),
    HookCall(
        "orchestrator", "enqueue", {"plugin_name": "demo", "args": {"path": "a"}}, remote=False
    ),
    HookCall("orchestrator", "status", {"unit_id": "1"}, remote=False),
)
