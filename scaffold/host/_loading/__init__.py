"""Finding plugins and importing their code."""
