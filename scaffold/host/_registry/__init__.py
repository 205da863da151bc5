"""The plugins that a host knows: states, start order, selection."""
