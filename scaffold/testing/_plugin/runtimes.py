"""A plugin in all runtimes of its manifest, with test doubles, and the outcomes of its calls."""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeGuard, TypeVar

from scaffold.contract._errors.errors import HookError, InternalError, ScaffoldError
from scaffold.contract._hooks.plugin import Client
from scaffold.contract._json import Json, JsonObject, is_object
from scaffold.host._plugin_context import PluginEnvironment
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.host._runtimes.server_process import serving
from scaffold.manifest._model import read_manifest

REAL_TIME_DOUBLES: Final[Mapping[str, Json]] = {"http_client": {}, "blob_store": {}}
"""Without network and persistent storage; time and random numbers are real."""
FIXED_DOUBLES: Final[Mapping[str, Json]] = {
    **REAL_TIME_DOUBLES,
    "clock": 1_769_860_800.0,  # 2026-01-31 12:00:00 UTC
    "rng": 20_260_131,
}
"""Also with frozen time and seeded random numbers, so that only the plugin makes a difference."""
C = TypeVar("C", bound=Client)
_MAX_SHOWN_CHARS: Final = 160
"""Characters of a value that a finding shows."""


@contextmanager
def every_runtime(
    folder: Path | str, client: type[C], *, doubles: Mapping[str, Json] | None = None
) -> Generator[dict[str, C]]:
    """Open a plugin in each runtime of its manifest, and yield the clients by runtime.

    If the manifest has an HTTP address of this machine, the plugin is served on a free port.

    Args:
        folder: The folder with the manifest.
        client: The client class of the kind.
        doubles: Test doubles for standard resources. By default the clock is frozen, `rng` has a
            fixed seed, `http_client` uses no network, and `blob_store` is in memory.

    Raises:
        PluginError: As `Host.load` does.

    Example:
        with every_runtime("demo", ToolClient) as clients:
            assert_alike(clients, lambda client: client.get_schema())
    """
    manifest = read_manifest(Path(folder))
    provision = PluginEnvironment.of(
        manifest, doubles=FIXED_DOUBLES if doubles is None else doubles
    )
    clients: dict[str, C] = {}
    with ExitStack() as stack:
        for runtime in manifest.runtime:
            served = manifest
            if runtime == "mcp_http":
                served = stack.enter_context(serving(manifest, provision.variables()))
            channel = open_channel(replace(provision, manifest=served), client.kind, runtime)
            stack.callback(channel.close)
            clients[runtime] = client(channel)
        yield clients


def assert_alike(clients: Mapping[str, C], call: Callable[[C], object]) -> None:
    """Make one call in every runtime; fail unless all have the same result or `HookError`.

    The items of a stream are read and compared. The id of an `internal` error is ignored, because
    it differs in every call.
    """
    outcomes = {runtime: _outcome(call, client) for runtime, client in clients.items()}
    first = next(iter(outcomes.values()), None)
    assert all(outcome == first for outcome in outcomes.values()), outcomes


def _outcome(call: Callable[[C], object], client: C) -> tuple[str, Json]:
    items: list[Json] = []
    try:
        answer = call(client)
        if _is_stream(answer):
            items.extend(answer)
    except HookError as error:
        return "error", [*items, error_as_json(error)]
    return ("items", items) if _is_stream(answer) else ("answer", answer)


def _is_stream(answer: object) -> TypeGuard[Generator[Json]]:
    return isinstance(answer, Generator)


def call_outcome(call: Callable[[], Json]) -> JsonObject:
    """Return `{"result": …}`, or `{"error": …}` if the call raises one of our errors."""
    try:
        return {"result": call()}
    except HookError as error:
        return {"error": error_as_json(error)}
    except ScaffoldError as error:
        # The message of a transport error depends on the transport.
        return {"error": {"code": error.code}}


def error_as_json(error: ScaffoldError) -> JsonObject:
    """Return the parts of an error that are the same in every runtime."""
    if not isinstance(error, HookError):
        return {"code": error.code, "message": str(error)}
    if isinstance(error, InternalError):
        # Its id, which finds the traceback in the log, differs in every call.
        error_id = str(error.data.get("id", "")) if is_object(error.data) else ""
        message = error.message.replace(error_id, "ID") if error_id else error.message
        return {"code": error.code, "message": message, "data": None}
    return {"code": error.code, "message": error.message, "data": error.data}


def canonical_json(value: Json) -> str:
    """Write JSON in its canonical form, for comparisons byte by byte."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def shorten_json(value: Json) -> str:
    """Write the beginning of a JSON value, for a finding."""
    text = canonical_json(value)
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}…"
