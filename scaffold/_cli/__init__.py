"""The command line: `app` declares the commands and their options; `commands` does the work."""
