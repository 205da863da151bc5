"""The plugin under test, its inputs, and the ways to call it."""
