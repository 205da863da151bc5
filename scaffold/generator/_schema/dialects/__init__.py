"""Drafts of JSON Schema, and their translation to 2020-12."""
