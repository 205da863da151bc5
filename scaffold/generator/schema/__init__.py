"""JSON Schemas: linked, checked, bundled, and turned into types and samples."""
