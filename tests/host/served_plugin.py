"""A plugin served over HTTP by a process of its own, on a free port."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager


@contextmanager
def served(folder, arguments):
    """Start `python ARGUMENTS --http` in a folder, and yield the URL."""
    server = subprocess.Popen(
        [sys.executable, *arguments, "--http", "--port", "0"],
        cwd=folder,
        env={**os.environ, "MCP_HOST": "127.0.0.1", "MCP_TRUST_METADATA": "true"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        for line in server.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+/mcp", line):
                yield found[0]
                break
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=10)
