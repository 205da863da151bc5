"""Serves the plugin."""

import sys

from scaffold.server import serve

sys.exit(serve("borrower.plugin:BorrowerPlugin"))
