"""Hooks and kinds: names, options, and the payloads of a hook."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

from pydantic_core import from_json

from scaffold._concurrency.forks import CachedProperty
from scaffold.contract._errors.errors import InvalidInput, InvalidOutput
from scaffold.contract._json import Json, JsonObject
from scaffold.contract._payload.payload import Payload


class Dispatch(StrEnum):
    """Which plugins a call reaches, and what the caller gets."""

    SINGLETON = "singleton"
    """One plugin of the kind is called."""
    BROADCAST_COLLECT = "broadcast_collect"
    """All plugins are called; the caller gets a list of outputs by priority."""
    BROADCAST_NOTIFY = "broadcast_notify"
    """All plugins are called; the caller gets neither outputs nor failures."""
    CHAIN = "chain"
    """The output of each plugin is the input of the next one."""
    CAPABILITY = "capability"
    """The plugin with the wanted capabilities is called."""


In = TypeVar("In")
Out = TypeVar("Out")
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

MaybeAwaitable: TypeAlias = T | Awaitable[T]
"""The return type of a hook, which a plugin may write as `def` or as `async def`."""

MaybeAsyncIterator: TypeAlias = Iterator[T] | AsyncIterator[T]
"""The return type of a stream hook: a generator or an asynchronous generator."""

DEFAULT_TOOL_NAME = "{kind}_{plugin}_{hook}"


@dataclass(frozen=True, slots=True)
class Functions:
    """Options of a hook that is offered as several tools, one for each function of a plugin."""

    catalogue: str
    """The hook that returns the functions: objects with `name`, `description`, `parameters`."""
    name: str = "function"
    """The property of the input with the name of the function."""
    arguments: str = "args"
    """The property of the input with the arguments of the function."""


class Hook(Generic[In, Out]):
    """One operation of a kind, with the types of its input and output.

    The type `None` means the empty object: such a hook has no input, or no output. Used as a
    decorator, a hook stores itself in the attribute `__hook__` of the method.
    """

    streams: ClassVar[bool] = False
    """True if it returns a stream of items; `output` is then the payload of one item."""

    def __init__(
        self,
        name: str,
        dispatch: Dispatch,
        *,
        input: object = None,
        output: object = None,
        exact_input: bool = False,
        exact_output: bool = False,
        exposed: bool = True,
        tool: str = DEFAULT_TOOL_NAME,
        functions: Functions | None = None,
        content: bool = False,
        best_effort: bool = False,
        idempotent: bool = False,
        read_only: bool = False,
        timeout: float | None = None,
    ) -> None:
        self.name = name
        self.dispatch = dispatch
        self.exposed = exposed
        """False if the hook is not offered to MCP clients, and stays in the process of the host."""
        self.tool = tool
        """The template of the MCP tool name: `{kind}`, `{plugin}`, `{hook}`, `{function}`."""
        self.functions = functions
        self.content = content
        """True if the property `content` of the output holds MCP content blocks for a model."""
        self.best_effort = best_effort
        """True if `broadcast_collect` skips plugins that fail (ADR-0002 §2)."""
        self.idempotent = idempotent
        self.read_only = read_only
        self.timeout = timeout
        """Timeout of a call in seconds; `None` means the default of the host."""
        self.kind: Kind
        self.input: Payload[In] = Payload(
            name,
            input,
            exact=exact_input,
            error_class=InvalidInput,
            schema=lambda: self.kind.describe(name)["input"]["schema"],
            residual=lambda: self.kind.describe(name)["input"].get("residual"),
        )
        self.output: Payload[Out] = Payload(
            name,
            output,
            exact=exact_output,
            error_class=InvalidOutput,
            schema=lambda: self.kind.describe(name)["output"]["schema"],
            residual=lambda: self.kind.describe(name)["output"].get("residual"),
        )

    def __call__(self, method: F) -> F:
        """Mark the method that implements this hook."""
        vars(method)["__hook__"] = self
        return method

    def __repr__(self) -> str:
        return f"<Hook {self.kind.name}.{self.name} {self.dispatch}>"


class StreamHook(Hook[In, Out]):
    """A hook that returns a stream; its output is the payload of one item.

    Channels bind it with `stream` and dispatchers with `singleton_stream` or `capability_stream`.
    """

    streams = True


class Kind:
    """A kind of plugin: the content of its hookspec that the runtime needs.

    Args:
        name: The name of the kind.
        version: SemVer of the contract (`kind_api_version`).
        hooks: The hooks of the kind.
        digest: SHA-256 of the contract.
        contract: The generated `contract.json` next to the bindings, or its content. The file is
            read when a schema is needed, not at import.
    """

    def __init__(
        self,
        name: str,
        version: str,
        hooks: tuple[Hook[Any, Any], ...],
        *,
        digest: str,
        contract: Path | JsonObject,
    ) -> None:
        self.name = name
        self.version = version
        """SemVer of the contract (`kind_api_version`)."""
        self.digest = digest
        """SHA-256 of the contract: with equal digests the payloads are the same."""
        self.hooks: Mapping[str, Hook[Any, Any]] = {hook.name: hook for hook in hooks}
        self._source = contract
        for hook in hooks:
            hook.kind = self

    @property
    def major(self) -> int:
        """The major version: with equal ones, hosts and plugins of a kind fit together."""
        return int(self.version.partition(".")[0])

    @CachedProperty
    def contract(self) -> JsonObject:
        """The whole contract: kind, version, hooks, schemas."""
        if isinstance(self._source, Path):
            content: JsonObject = from_json(self._source.read_bytes())
            return content
        return self._source

    @property
    def folder(self) -> Path | None:
        """The folder of the generated bindings; `None` for a kind without bindings."""
        return self._source.parent if isinstance(self._source, Path) else None

    def describe(self, hook: str) -> JsonObject:
        """Return the part of the contract for one hook: description, payloads, options."""
        description: JsonObject = self.contract["hooks"][hook]
        return description

    @classmethod
    def from_contract(cls, contract: JsonObject) -> "Kind":
        """Make a kind without bindings: its payloads are JSON values, validated by the schema."""
        hooks = tuple(_untyped_hook(name, spec) for name, spec in contract["hooks"].items())
        return cls(
            contract["kind"],
            contract["version"],
            hooks,
            digest=contract["digest"],
            contract=contract,
        )

    def __repr__(self) -> str:
        return f"<Kind {self.name} {self.version}>"


def _untyped_hook(name: str, spec: JsonObject) -> Hook[Any, Any]:
    functions = spec.get("functions")
    return _HOOK_CLASSES[spec.get("stream", False)](
        name,
        Dispatch(spec["dispatch"]),
        input=None if spec["input"]["empty"] else Json,
        output=None if spec["output"]["empty"] else Json,
        exact_input=True,
        exact_output=True,
        exposed=spec["exposed"],
        tool=spec["tool"],
        functions=Functions(**functions) if functions else None,
        content=spec["content"],
        best_effort=spec.get("error_policy") == "best_effort",
        idempotent=spec["idempotent"],
        read_only=spec["read_only"],
        timeout=spec["timeout"],
    )


_HOOK_CLASSES: Final[dict[bool, type[Hook[Any, Any]]]] = {False: Hook, True: StreamHook}
