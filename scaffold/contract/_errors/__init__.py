"""The errors of a hook call, and the masking of unexpected exceptions."""
