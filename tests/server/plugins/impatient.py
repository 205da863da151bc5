"""Serves a plugin with workers that are soon taken for deaf."""

import sys

from scaffold.server import serve
from scaffold.server._http import worker_processes

worker_processes._HANG_TIMEOUT = 1.5

sys.exit(serve(sys.argv[1], name="demo", arguments=sys.argv[2:]))
