"""The contract: what plugins, hosts, servers and clients agree on. No I/O.

Generated bindings import from here and from nowhere else. What they need of pydantic
is passed on; only `override` must come from its home, where linters look for it.
"""

from pydantic import Field

from scaffold.contract.channel import AsyncChannel, Channel
from scaffold.contract.dispatch import Dispatch
from scaffold.contract.errors import (
    HookError,
    InternalError,
    InvalidInput,
    InvalidOutput,
    Problem,
    ScaffoldError,
    TransportError,
)
from scaffold.contract.hook import (
    Functions,
    Hook,
    Kind,
    MaybeAsyncIterator,
    MaybeAwaitable,
    StreamHook,
)
from scaffold.contract.metadata import call_metadata, calling_with
from scaffold.contract.model import Model
from scaffold.contract.plugin import AsyncClient, Client, Plugin, PluginContext
from scaffold.contract.progress import report_progress
from scaffold.contract.routes import (
    AsyncDispatcher,
    AsyncRoutes,
    Dispatcher,
    Routes,
    StopChain,
    Wanted,
)
from scaffold.contract.values import ABSENT, Integer, Json, JsonObject, Maybe, Number

__all__ = [
    "ABSENT",
    "AsyncChannel",
    "AsyncClient",
    "AsyncDispatcher",
    "AsyncRoutes",
    "Channel",
    "Client",
    "Dispatch",
    "Dispatcher",
    "Field",
    "Functions",
    "Hook",
    "HookError",
    "Integer",
    "InternalError",
    "InvalidInput",
    "InvalidOutput",
    "Json",
    "JsonObject",
    "Kind",
    "Maybe",
    "MaybeAsyncIterator",
    "MaybeAwaitable",
    "Model",
    "Number",
    "Plugin",
    "PluginContext",
    "Problem",
    "Routes",
    "ScaffoldError",
    "StopChain",
    "StreamHook",
    "TransportError",
    "Wanted",
    "call_metadata",
    "calling_with",
    "report_progress",
]
