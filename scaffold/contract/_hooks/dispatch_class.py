"""The five ways in which a host calls a hook (dagstack ADR-0002)."""

from enum import StrEnum


class Dispatch(StrEnum):
    """Which plugins a call reaches, and what the caller gets."""

    SINGLETON = "singleton"
    """One plugin of the kind is called."""
    BROADCAST_COLLECT = "broadcast_collect"
    """All plugins are called; the caller gets a list of outputs by priority."""
    BROADCAST_NOTIFY = "broadcast_notify"
    """All plugins are called; the caller gets neither outputs nor failures."""
    CHAIN = "chain"
    """The output of each plugin is the input of the next one."""
    CAPABILITY = "capability"
    """The plugin with the wanted capabilities is called."""
