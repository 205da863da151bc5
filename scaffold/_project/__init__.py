"""A project on disk: settings, lockfile, template, generated files, and the only writer of them."""
