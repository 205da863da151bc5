"""The five ways in which a host calls a hook (dagstack ADR-0002)."""

from enum import StrEnum

__all__ = ["Dispatch"]


class Dispatch(StrEnum):
    """How many plugins a call reaches, and what becomes of their answers."""

    SINGLETON = "singleton"
    """One plugin of the kind answers."""
    BROADCAST_COLLECT = "broadcast_collect"
    """Every plugin answers; the caller gets a list, by priority."""
    BROADCAST_NOTIFY = "broadcast_notify"
    """Every plugin is told; nothing comes back, and no failure reaches the caller."""
    CHAIN = "chain"
    """Each plugin's answer is the next one's input."""
    CAPABILITY = "capability"
    """The one plugin whose declared capabilities fit the input answers."""
