"""The Model Context Protocol, tools only, all supported revisions: messages as values, no I/O."""
