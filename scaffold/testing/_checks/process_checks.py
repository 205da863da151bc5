"""The suite `hygiene`: the process of a plugin keeps stdout clean, and ends when it must."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any, Final

from scaffold.contract._json import is_object
from scaffold.testing._checks.check import Check, Finding, Suite
from scaffold.testing._plugin.plugin_under_test import PluginUnderTest
from scaffold.testing._plugin.raw_client import NoResponse, RawClient, start_server
from scaffold.testing._plugin.runtimes import shorten_json

_EXIT_TIMEOUT: Final = 5.0
"""Seconds until the process must end: calls, teardown and exit of a scaffold server, and more."""
_FLOOD_CALLS: Final = 30
_FLOOD_TIMEOUT: Final = 5.0
"""Seconds without a response after which a process counts as blocked."""


def _clean_stdout(subject: PluginUnderTest) -> Iterator[Finding]:
    with start_server(subject) as peer:
        for params in peer.greet(subject):
            peer.ask("tools/call", params)
        peer.end_input()
        peer.ended(_EXIT_TIMEOUT)
        dirt = [line for line in peer.lines if not _is_message(line)]
    if dirt:
        message = (
            f"stdout has a line that is not MCP: {shorten_json(dirt[0].decode('utf-8', 'replace'))}"
        )
        yield Finding(_start(subject), message, "print nothing before 'serve', and log to stderr")


def _is_message(line: bytes) -> bool:
    try:
        value: Any = json.loads(line)
    except ValueError:
        return False
    return is_object(value) and value.get("jsonrpc") == "2.0"


def _end_of_input(subject: PluginUnderTest) -> Iterator[Finding]:
    with start_server(subject) as peer:
        peer.greet(subject)
        peer.end_input()
        yield from _must_end(subject, peer, "the end of its input")


def _sigterm(subject: PluginUnderTest) -> Iterator[Finding]:
    with start_server(subject) as peer:
        peer.greet(subject)
        peer.popen.send_signal(signal.SIGTERM)
        yield from _must_end(subject, peer, "SIGTERM")


def _must_end(subject: PluginUnderTest, peer: RawClient, sign: str) -> Iterator[Finding]:
    if not peer.ended(_EXIT_TIMEOUT):
        message = f"the process still runs {_EXIT_TIMEOUT:g} s after {sign}"
        help_text = "leave signals and stdin to the server, and let threads of your own be daemons"
        yield Finding(_start(subject), message, help_text)
    elif peer.leaves_children():
        message = f"child processes still run after {sign}"
        yield Finding(_start(subject), message, "end them in 'teardown'")


def _unread_stderr(subject: PluginUnderTest) -> Iterator[Finding]:
    """Call without reading stderr, as many clients do: a full pipe blocks its writer."""
    reader, writer = os.pipe()
    try:
        with start_server(subject, stderr=writer) as peer:
            calls = peer.greet(subject)
            for params in calls * _FLOOD_CALLS:
                peer.ask("tools/call", params, _FLOOD_TIMEOUT)
    except NoResponse as error:
        message = f"{error}, because its stderr was not read"
        help_text = "log less in hooks: a pipe holds about 64 kB, and clients may not read it"
        yield Finding(_start(subject), message, help_text)
    finally:
        os.close(reader)
        os.close(writer)


def _startup(subject: PluginUnderTest) -> Iterator[Finding]:
    stdio = subject.manifest.mcp_stdio
    budget = subject.manifest.startup_timeout_sec
    if stdio is not None and stdio.startup_timeout_sec is not None:
        budget = stdio.startup_timeout_sec
    with start_server(subject) as peer:
        try:
            peer.greet(subject, budget)
        except NoResponse as error:
            help_text = "do less before the first answer, or raise startup_timeout_sec"
            yield Finding(_start(subject), str(error), help_text)


def _start(subject: PluginUnderTest) -> str:
    """Return the place of the command, which is the manifest."""
    return subject.manifest_place


CHECKS: Final = tuple(
    Check(name, Suite.hygiene, "running", invariant, look)
    for name, invariant, look in (
        (
            "clean-stdout",
            "stdout carries messages only, whatever the plugin and its children print (MCP, stdio)",
            _clean_stdout,
        ),
        (
            "end-of-input",
            "the process and its children end with its input (MCP, stdio: Shutdown)",
            _end_of_input,
        ),
        (
            "sigterm",
            "the process and its children end on SIGTERM (MCP, stdio: Shutdown)",
            _sigterm,
        ),
        (
            "unread-stderr",
            "a client that never reads stderr still gets all responses",
            _unread_stderr,
        ),
        (
            "startup-budget",
            "the process is ready within its startup_timeout_sec",
            _startup,
        ),
    )
)
"""The checks of this suite."""
