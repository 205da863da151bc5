"""A plugin that cannot be imported."""

raise KeyError("missing")
