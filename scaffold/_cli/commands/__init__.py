"""One module for each command, with one function, which returns the exit status."""
