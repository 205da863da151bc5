"""Templates: fetched, rendered, merged into a project, and undone."""
