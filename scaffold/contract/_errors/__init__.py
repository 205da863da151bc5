"""The errors of a hook call, and what a caller learns of an unexpected exception."""
