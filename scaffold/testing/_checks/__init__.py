"""The checks of `scaffold test`, one module for each suite."""
