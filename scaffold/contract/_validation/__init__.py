"""The check of a value against a JSON Schema, and the explanation of a refusal."""
