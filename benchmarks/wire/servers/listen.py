"""Runs an ASGI application on uvicorn at a free port, and says where."""

import socket
import sys
from typing import Any

import uvicorn

__all__ = ["serve"]


def serve(app: Any, *, lifespan: Any = "on") -> None:
    """Serve `app` until the process is ended; its URL is the first line on stderr."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    sys.stderr.write(f"listening on http://127.0.0.1:{port}/mcp\n")
    config = uvicorn.Config(app, lifespan=lifespan, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
