"""The options of a server: from flags, else from environment variables, else the defaults."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DEFAULT_PORT: Final = 8080
_LOG_LEVELS: Final = {
    "debug": "DEBUG",
    "info": "INFO",
    "warn": "WARNING",
    "warning": "WARNING",
    "error": "ERROR",
}
_MIB: Final = 1024 * 1024
_MAX_WORKERS: Final = 64
_MAX_TIMEOUT: Final = 24 * 3600
_BOOLEANS: Final = {"": False, "0": False, "false": False, "1": True, "true": True}


class UsageError(Exception):
    """A flag or an environment variable has an invalid value."""


@dataclass(frozen=True)
class Options:
    """The options of a server."""

    http: bool = False
    """HTTP instead of stdio."""
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """The port to listen on; 0 picks a free port."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that clients may use for the HTTP server, in addition to addresses and localhost.

    See `scaffold.server._hostnames`.
    """
    fd: int | None = None
    """The descriptor of a bound socket, inherited from the process that started this one."""
    token: str = ""
    """If set, each HTTP request must contain it. The host that starts the server chooses it."""
    trusts_clients: bool = False
    """True if the operator trusts all HTTP clients; see `trusts_metadata`."""
    stream_timeout: float = 300.0
    """Seconds after which a stream ends if its client reads nothing; infinity for no limit."""
    workers: int = 1
    """The number of processes that serve HTTP."""
    max_message_bytes: int = 64 * _MIB
    """The maximum size of a message that the server reads, in bytes."""
    log_level: str = "INFO"

    @property
    def trusts_metadata(self) -> bool:
        """True if the server accepts metadata such as `actor` and `tenant_id` from its clients.

        It does over stdio, and over HTTP if clients are trusted or must send the host's token.
        """
        return self.trusts_clients or bool(self.token) or not self.http


ENVIRONMENT_VARIABLES: Final = (
    *("LOG_LEVEL", "MCP_ALLOWED_HOSTS", "MCP_HTTP_HOST", "MCP_HTTP_PORT", "MCP_HTTP_WORKERS"),
    *("MCP_MAX_MESSAGE_MB", "MCP_PORT", "MCP_STREAM_TIMEOUT_SEC", "MCP_TRANSPORT"),
    "MCP_TRUST_METADATA",
)
"""The environment variables that `read_options` reads."""


def read_options(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ, *, token: str = ""
) -> Options:
    """Read the options from the command line and the environment.

    `--help` prints the flags and exits.

    Args:
        arguments: The command line, without the name of the program.
        environment: The environment variables.
        token: The token that the host sends with its requests; empty if no host started the server.

    Raises:
        UsageError: If a flag or a variable has an invalid value.
    """
    flags = _parse_flags(arguments) if arguments else {}
    transport = flags.get("transport") or environment.get("MCP_TRANSPORT") or "stdio"
    if transport not in ("stdio", "http"):
        raise UsageError(f"MCP_TRANSPORT is '{transport}'; it must be 'stdio' or 'http'")
    level = (environment.get("LOG_LEVEL") or "info").lower()
    if level not in _LOG_LEVELS:
        raise UsageError(f"LOG_LEVEL is '{level}'; it must be one of: {', '.join(_LOG_LEVELS)}")
    port = flags.get("port") or environment.get("MCP_HTTP_PORT") or environment.get("MCP_PORT")
    workers = flags.get("workers") or environment.get("MCP_HTTP_WORKERS")
    fd = flags.get("fd")
    return Options(
        http=transport == "http",
        host=flags.get("host") or environment.get("MCP_HTTP_HOST") or Options.host,
        port=_parse_integer("the port", port, 0, 65535) if port else DEFAULT_PORT,
        workers=_parse_workers(workers) if workers else Options.workers,
        allowed_hosts=_parse_hosts(environment.get("MCP_ALLOWED_HOSTS")),
        fd=_parse_integer("the descriptor", fd, 0, 1 << 20) if fd else None,
        token=token,
        trusts_clients=_parse_trust(environment.get("MCP_TRUST_METADATA")),
        stream_timeout=_parse_timeout(environment.get("MCP_STREAM_TIMEOUT_SEC")),
        max_message_bytes=_parse_max_message(environment.get("MCP_MAX_MESSAGE_MB")),
        log_level=_LOG_LEVELS[level],
    )


def _parse_workers(text: str) -> int:
    count = _parse_integer("the number of workers", text, 1, _MAX_WORKERS)
    if count > 1 and not hasattr(os, "fork"):
        raise UsageError(f"{count} workers need os.fork, which this system does not have; use 1")
    return count


def _parse_hosts(text: str | None) -> tuple[str, ...]:
    if not text:
        return ()
    from scaffold.server._hostnames import parse_host_patterns

    try:
        return parse_host_patterns(text)
    except ValueError as error:
        raise UsageError(f"MCP_ALLOWED_HOSTS is {text!a}; {error}") from None


def _parse_trust(text: str | None) -> bool:
    if (text or "").lower() not in _BOOLEANS:
        raise UsageError(f"MCP_TRUST_METADATA is '{text}'; it must be 'true' or 'false'")
    return _BOOLEANS[(text or "").lower()]


def _parse_timeout(seconds: str | None) -> float:
    if not seconds:
        return Options.stream_timeout
    return _parse_integer("MCP_STREAM_TIMEOUT_SEC", seconds, 0, _MAX_TIMEOUT) or math.inf


def _parse_max_message(megabytes: str | None) -> int:
    if not megabytes:
        return Options.max_message_bytes
    return _parse_integer("MCP_MAX_MESSAGE_MB", megabytes, 1, 2048) * _MIB


def _parse_integer(name: str, text: str, minimum: int, maximum: int) -> int:
    if not text.isdecimal() or not minimum <= int(text) <= maximum:
        raise UsageError(f"{name} is '{text}'; it must be a number from {minimum} to {maximum}")
    return int(text)


def _parse_flags(arguments: Sequence[str]) -> dict[str, str]:
    import argparse

    parser = argparse.ArgumentParser(
        description="Serve a plugin over MCP.", allow_abbrev=False, argument_default=""
    )
    transport = parser.add_mutually_exclusive_group()
    transport.add_argument(
        "--stdio",
        dest="transport",
        action="store_const",
        const="stdio",
        help="serve on stdin and stdout (the default; also MCP_TRANSPORT=stdio)",
    )
    transport.add_argument(
        "--http",
        dest="transport",
        action="store_const",
        const="http",
        help="serve over HTTP, at /mcp (also MCP_TRANSPORT=http)",
    )
    parser.add_argument(
        "--host", help="the address to listen on (default: 127.0.0.1; also MCP_HTTP_HOST)"
    )
    parser.add_argument(
        "--port",
        help=f"the port (default: {DEFAULT_PORT}; 0: a free one; also MCP_HTTP_PORT, MCP_PORT)",
    )
    parser.add_argument(
        "--fd", help="the descriptor of an inherited bound socket, instead of --port"
    )
    parser.add_argument(
        "--workers", help="processes that serve HTTP (default: 1; also MCP_HTTP_WORKERS)"
    )
    return vars(parser.parse_args(arguments))
