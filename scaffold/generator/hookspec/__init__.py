"""The hookspec file: YAML and JSON with places, the format, and the rules beyond it."""
