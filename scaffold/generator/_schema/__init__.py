"""JSON Schemas: read, linked, checked, and turned into types and samples."""
