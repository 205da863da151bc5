"""The contract: what plugins, hosts, servers and clients agree on. No I/O.

Generated bindings import from here and from nowhere else. What they need of pydantic
is passed on; only `override` must come from its home, where linters look for it.
"""

from pydantic import Field

from scaffold.contract._context.call_context import (
    call_metadata,
    calling_with,
    report_progress,
    reporting_to,
)
from scaffold.contract._errors.errors import (
    AmbiguousPlugin,
    ConnectFailed,
    DeadlineExceeded,
    DependencyCycle,
    DependencyFailed,
    DispatchError,
    DuplicatePlugin,
    HookError,
    InternalError,
    InvalidInput,
    InvalidOutput,
    KindUnknown,
    ManifestInvalid,
    NoCapableHandler,
    PeerCrashed,
    PluginError,
    PluginLoadError,
    ProtocolError,
    RuntimeNotSupported,
    ScaffoldError,
    TransportError,
    UnsupportedHook,
)
from scaffold.contract._errors.problems import Problem
from scaffold.contract._hooks.channel import AsyncChannel, Channel
from scaffold.contract._hooks.dispatcher import (
    AsyncDispatcher,
    AsyncRoutes,
    Dispatcher,
    Routes,
    StopChain,
    Wanted,
)
from scaffold.contract._hooks.hook import (
    Dispatch,
    Functions,
    Hook,
    Kind,
    MaybeAsyncIterator,
    MaybeAwaitable,
    StreamHook,
)
from scaffold.contract._hooks.plugin import AsyncClient, Client, Plugin, PluginContext
from scaffold.contract._json import ABSENT, Integer, Json, JsonObject, Maybe, Number
from scaffold.contract._payload.model import Model

__all__ = [
    "ABSENT",
    "AmbiguousPlugin",
    "AsyncChannel",
    "AsyncClient",
    "AsyncDispatcher",
    "AsyncRoutes",
    "Channel",
    "Client",
    "ConnectFailed",
    "DeadlineExceeded",
    "DependencyCycle",
    "DependencyFailed",
    "Dispatch",
    "DispatchError",
    "Dispatcher",
    "DuplicatePlugin",
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
    "KindUnknown",
    "ManifestInvalid",
    "Maybe",
    "MaybeAsyncIterator",
    "MaybeAwaitable",
    "Model",
    "NoCapableHandler",
    "Number",
    "PeerCrashed",
    "Plugin",
    "PluginContext",
    "PluginError",
    "PluginLoadError",
    "Problem",
    "ProtocolError",
    "Routes",
    "RuntimeNotSupported",
    "ScaffoldError",
    "StopChain",
    "StreamHook",
    "TransportError",
    "UnsupportedHook",
    "Wanted",
    "call_metadata",
    "calling_with",
    "report_progress",
    "reporting_to",
]
