"""Git repositories: one module runs git, states are read as objects."""
