"""YAML and JSON files as their author wrote them: values, positions, edits, diagnostics."""
