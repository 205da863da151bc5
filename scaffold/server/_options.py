"""How a server is started: flags first, then the environment, then what is usual."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_PORT", "Options", "UsageError", "read_options"]

DEFAULT_PORT: Final = 8080
_LEVELS: Final = {
    "debug": "DEBUG",
    "info": "INFO",
    "warn": "WARNING",
    "warning": "WARNING",
    "error": "ERROR",
}
_MEBI: Final = 1024 * 1024
_MOST_WORKERS: Final = 64
_LONGEST_WAIT: Final = 24 * 3600
_SWITCH: Final = {"": False, "0": False, "false": False, "1": True, "true": True}


class UsageError(Exception):
    """A flag or a variable that makes no sense."""


@dataclass(frozen=True)
class Options:
    """What a server needs to know about its surroundings."""

    http: bool = False
    """HTTP instead of stdio."""
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0 picks a free one."""
    allowed_hosts: tuple[str, ...] = ()
    """Names, as well as addresses and localhost, under which clients may reach the HTTP server.

    See `scaffold.server._hostnames`.
    """
    fd: int | None = None
    """A socket that listens already, inherited from the process that has started this one."""
    token: str = ""
    """If it is set, HTTP requests must show it: they come from the host that started the server."""
    trusts_clients: bool = False
    """True if the operator says that HTTP clients are to be believed; see `trusts_metadata`."""
    stream_seconds: float = 300.0
    """Seconds after which a stream ends whose client takes nothing; infinity for no limit."""
    workers: int = 1
    """Processes that serve HTTP."""
    largest: int = 64 * _MEBI
    """The longest message that is read, in bytes."""
    log_level: str = "INFO"

    @property
    def trusts_metadata(self) -> bool:
        """True if the metadata of calls is believed, such as `actor` and `tenant_id`.

        That is so over pipes, and over HTTP if clients are trusted or show the host's token.
        """
        return self.trusts_clients or bool(self.token) or not self.http


SETTINGS: Final = (
    *("LOG_LEVEL", "MCP_ALLOWED_HOSTS", "MCP_HTTP_HOST", "MCP_HTTP_PORT", "MCP_HTTP_WORKERS"),
    *("MCP_MAX_MESSAGE_MB", "MCP_PORT", "MCP_STREAM_TIMEOUT_SEC", "MCP_TRANSPORT"),
    "MCP_TRUST_METADATA",
)
"""The variables that `read_options` reads."""


def read_options(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ, *, token: str = ""
) -> Options:
    """Read the command line and the environment; raise `UsageError`.

    `--help` prints what there is, and exits.

    Args:
        arguments: What follows the program on the command line.
        environment: The variables of the process.
        token: What the host that has started the server shows with its requests, if there is one.
    """
    flags = _parse(arguments) if arguments else {}
    transport = flags.get("transport") or environment.get("MCP_TRANSPORT") or "stdio"
    if transport not in ("stdio", "http"):
        raise UsageError(f"MCP_TRANSPORT is '{transport}'; it must be 'stdio' or 'http'")
    level = (environment.get("LOG_LEVEL") or "info").lower()
    if level not in _LEVELS:
        raise UsageError(f"LOG_LEVEL is '{level}'; it must be one of: {', '.join(_LEVELS)}")
    port = flags.get("port") or environment.get("MCP_HTTP_PORT") or environment.get("MCP_PORT")
    workers = flags.get("workers") or environment.get("MCP_HTTP_WORKERS")
    fd = flags.get("fd")
    return Options(
        http=transport == "http",
        host=flags.get("host") or environment.get("MCP_HTTP_HOST") or Options.host,
        port=_number("the port", port, 0, 65535) if port else DEFAULT_PORT,
        workers=_workers(workers) if workers else Options.workers,
        allowed_hosts=_hosts(environment.get("MCP_ALLOWED_HOSTS")),
        fd=_number("the descriptor", fd, 0, 1 << 20) if fd else None,
        token=token,
        trusts_clients=_trusts(environment.get("MCP_TRUST_METADATA")),
        stream_seconds=_patience(environment.get("MCP_STREAM_TIMEOUT_SEC")),
        largest=_largest(environment.get("MCP_MAX_MESSAGE_MB")),
        log_level=_LEVELS[level],
    )


def _workers(text: str) -> int:
    count = _number("the number of workers", text, 1, _MOST_WORKERS)
    if count > 1 and not hasattr(os, "fork"):
        raise UsageError(f"there can be no {count} workers: this system cannot fork")
    return count


def _hosts(text: str | None) -> tuple[str, ...]:
    if not text:
        return ()
    from scaffold.server._hostnames import read_patterns

    try:
        return read_patterns(text)
    except ValueError as error:
        raise UsageError(f"MCP_ALLOWED_HOSTS is {text!a}; {error}") from None


def _trusts(text: str | None) -> bool:
    if (text or "").lower() not in _SWITCH:
        raise UsageError(f"MCP_TRUST_METADATA is '{text}'; it must be 'true' or 'false'")
    return _SWITCH[(text or "").lower()]


def _patience(seconds: str | None) -> float:
    if not seconds:
        return Options.stream_seconds
    return _number("MCP_STREAM_TIMEOUT_SEC", seconds, 0, _LONGEST_WAIT) or math.inf


def _largest(megabytes: str | None) -> int:
    if not megabytes:
        return Options.largest
    return _number("MCP_MAX_MESSAGE_MB", megabytes, 1, 2048) * _MEBI


def _number(what: str, text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise UsageError(f"{what} is '{text}'; it must be a number from {least} to {most}")
    return int(text)


def _parse(arguments: Sequence[str]) -> dict[str, str]:
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
        "--host", help="the address to listen on: 127.0.0.1 unless told (also MCP_HTTP_HOST)"
    )
    parser.add_argument(
        "--port",
        help=f"the port: {DEFAULT_PORT} unless told, 0 for a free one (MCP_HTTP_PORT, MCP_PORT)",
    )
    parser.add_argument(
        "--fd", help="the descriptor of a socket that listens already, in place of --port"
    )
    parser.add_argument(
        "--workers", help="processes that serve HTTP: 1 unless told (also MCP_HTTP_WORKERS)"
    )
    return vars(parser.parse_args(arguments))
