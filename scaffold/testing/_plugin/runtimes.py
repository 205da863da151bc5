"""The plugin of a project, called over every runtime that it offers."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeGuard, TypeVar

from scaffold.contract._errors.errors import HookError
from scaffold.contract._hooks.plugin import Client
from scaffold.contract._json.types import Json
from scaffold.host._context.plugin_context import PluginEnvironment
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.host._runtimes.server_process import serving
from scaffold.manifest._model import read_manifest
from scaffold.testing._plugin.call_outcomes import error_as_json
from scaffold.testing._plugin.test_doubles import FIXED_DOUBLES

__all__ = ["assert_alike", "every_runtime"]

C = TypeVar("C", bound=Client)


@contextmanager
def every_runtime(
    folder: Path | str, client: type[C], *, doubles: Mapping[str, Json] | None = None
) -> Generator[dict[str, C]]:
    """Open a plugin over each runtime of its manifest, and yield a client for each.

    A plugin that the manifest expects at an address of this machine is served on a free port for
    the while. Standard resources are `doubles`, everywhere the same: by default the clock stands
    still, `rng` has a fixed seed, `http_client` reaches nothing, `blob_store` is in memory. Raises
    as `Host.load` does.
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
            channel = open_channel(served, client.kind, runtime, provision)
            stack.callback(channel.close)
            clients[runtime] = client(channel)
        yield clients


def assert_alike(clients: Mapping[str, C], call: Callable[[C], object]) -> None:
    """Make one call over every runtime; fail unless all give one answer, or one `HookError`.

    A stream is read to its end, and its items are compared.

    The id of an `internal` error is another one every time, and does not count.
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
