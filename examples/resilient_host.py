"""A host that handles everything that can go wrong, blocking and awaited, with two import lines.

Run it with `python examples/resilient_host.py PLUGIN_DIR`, for a plugin of kind `tool`. The names
of `scaffold` are enough for every error; the bindings of the kind have the payloads.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from scaffold import (
    AsyncHost,
    ConnectFailed,
    DeadlineExceeded,
    DispatchError,
    HookError,
    Host,
    InternalError,
    InvalidInput,
    InvalidOutput,
    ManifestInvalid,
    PeerCrashed,
    PluginError,
    ScaffoldError,
    State,
    Status,
    TransportError,
)
from scaffold.kinds.tool_v1 import AsyncToolClient, ExecuteInput, ToolClient

log = logging.getLogger(__name__)


def explain(error: ScaffoldError) -> str:
    """Say what a caller can do about an error."""
    match error:
        case InvalidInput(problems=problems):
            return f"correct the input: {'; '.join(map(str, problems))}"
        case InvalidOutput(problems=problems):
            return f"report a defect of the plugin: {'; '.join(map(str, problems))}"
        case InternalError(data=data):
            return f"look into the log of the plugin: {data}"
        case HookError(code=code, message=message):
            return f"the plugin answered {code}: {message}"
        case ConnectFailed() | PeerCrashed() | DeadlineExceeded():
            return f"try again later: {error}"
        case TransportError():
            return f"check the server: {error}"
        case ManifestInvalid():
            return f"correct the manifest: {error}"
        case DispatchError():
            return f"load another plugin: {error}"
        case PluginError():
            return f"repair the plugin: {error}"
        case _:
            return f"{error.code}: {error}"


def unavailable(statuses: Mapping[str, Status]) -> list[str]:
    """Name the plugins that do not answer at the moment."""
    return [status.name for status in statuses.values() if status.state is not State.READY]


def call(folder: Path, payload: ExecuteInput) -> int:
    """Call a plugin from a thread."""
    try:
        with Host() as host:
            client: ToolClient = host.load(folder, ToolClient, runtime="in_process")
            log.info("%s", client.execute(payload).result)
    except ScaffoldError as error:
        log.error("%s", explain(error))
        return 1
    return 0


async def call_async(folder: Path, payload: ExecuteInput) -> int:
    """Call a plugin from a task."""
    try:
        async with AsyncHost() as host:
            client: AsyncToolClient = await host.load(folder, AsyncToolClient, runtime="mcp_stdio")
            log.info("%s", (await client.execute(payload)).result)
    except ScaffoldError as error:
        log.error("%s", explain(error))
        return 1
    return 0


if __name__ == "__main__":
    plugin, greeting = Path(sys.argv[1]), ExecuteInput(function="greet", args={"name": "Ada"})
    sys.exit(call(plugin, greeting) or asyncio.run(call_async(plugin, greeting)))
