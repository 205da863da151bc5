"""The errors of a hook call: one family, the same in process and across the wire.

ScaffoldError
├── HookError             a hook answered with an error code that its kind declares
│   ├── InvalidInput      the payload breaks the input schema; the plugin was not called
│   ├── InvalidOutput     the plugin answered with what the output schema forbids
│   └── InternalError     the plugin raised anything else; `data["id"]` is in its log
├── TransportError        the call did not reach the plugin, or its answer did not come back
│   ├── ConnectFailed     the process did not start, or nothing answered at the address
│   ├── PeerCrashed       the process ended while calls were in flight
│   ├── DeadlineExceeded  no answer within the time allowed
│   └── ProtocolError     what came back is not MCP
└── PluginError           a plugin that cannot be used at all
    ├── ManifestInvalid   its manifest breaks a rule
    │   └── DuplicatePlugin   its name is taken
    ├── PluginLoadError   its code cannot be imported, made or set up
    ├── RuntimeNotSupported  none of its runtimes can be used by this host
    ├── UnsupportedHook   it is of an older version of its kind, which lacks the hook
    ├── KindUnknown       its kind is not one that this host has registered
    ├── DependencyFailed  a plugin that it depends on is missing or unavailable
    ├── DependencyCycle   it depends on itself, by way of others
    └── DispatchError     a call for which no plugin can be found
        ├── NoCapableHandler  none is there, or none is capable of what is wanted
        └── AmbiguousPlugin   several are, and nothing says which
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

__all__ = [
    "MAX_PROBLEMS",
    "MAX_PROBLEM_BYTES",
    "NO_OMITTED_PROBLEMS",
    "AmbiguousPlugin",
    "ConnectFailed",
    "DeadlineExceeded",
    "DependencyCycle",
    "DependencyFailed",
    "DispatchError",
    "DuplicatePlugin",
    "HookError",
    "InternalError",
    "InvalidInput",
    "InvalidOutput",
    "KindUnknown",
    "ManifestInvalid",
    "NoCapableHandler",
    "OmittedProblems",
    "PeerCrashed",
    "PluginError",
    "PluginLoadError",
    "Problem",
    "ProtocolError",
    "RuntimeNotSupported",
    "ScaffoldError",
    "TransportError",
    "UnsupportedHook",
]

MAX_PROBLEMS: Final = 100
"""Problems that one refusal lists."""

MAX_PROBLEM_BYTES: Final = 18 << 10
"""Bytes of the problems of one refusal as JSON. They cross the wire up to three times: in the
message, in the text for a model, and as data. So a refusal stays below 64 KiB."""

MAX_MESSAGE_CHARS: Final = 400
"""Characters of a message: a caller has the value, and its pointer."""

MAX_POINTER_CHARS: Final = 1000
"""Characters of a pointer. A longer one ends at the object around the property."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One way in which a value breaks its schema."""

    path: str
    """JSON Pointer (RFC 6901) to the offending value; `""` is the payload itself."""
    rule: str
    """The JSON Schema keyword that refused it: `minimum`, `required`, …"""
    message: str
    """What was expected and what came, in one sentence."""

    def as_json(self) -> dict[str, str]:
        """Return the problem as it crosses the wire."""
        return {"path": self.path, "rule": self.rule, "message": self.message}

    def __str__(self) -> str:
        return f"{self.path or '(payload)'}: {self.message} [{self.rule}]"


class ScaffoldError(Exception):
    """Anything that this library raises on purpose."""

    code: str = "scaffold"
    """Names the problem; never changes, so programs may compare it."""


class HookError(ScaffoldError):
    """A hook's own answer that it could not do its work.

    Raise it in a plugin with a code that the hookspec lists under `errors`. The caller gets the
    same code, message and data, whichever runtime the plugin runs in.
    """

    def __init__(self, code: str, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        """Any JSON value that helps the caller; `None` when there is none."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def _sort_key(problem: Problem) -> tuple[list[tuple[int, str]], str, str]:
    steps = [(int(step), "") if step.isdecimal() else (-1, step) for step in _steps(problem.path)]
    return steps, problem.rule, problem.message


def _steps(path: str) -> list[str]:
    # Longer numbers are names: Python reads no more digits than these, and no list is that long.
    return [step if len(step) < len("9" * 19) else f" {step}" for step in path.split("/")]


class OmittedProblems(NamedTuple):
    """The problems of a payload that a refusal does not list."""

    number: int = 0
    is_exact: bool = True
    """False if the search for problems ended early: there may be more than `number`."""

    def __str__(self) -> str:
        if self.number == 0:
            return "" if self.is_exact else "; and perhaps more"
        return (
            f"; and {self.number} more" if self.is_exact else f"; and at least {self.number} more"
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as it crosses the wire, next to the problems; nothing if there is no rest."""
        if self.number == 0 and self.is_exact:
            return {}
        return {"more": self.number, "more_is_exact": self.is_exact}


NO_OMITTED_PROBLEMS: Final = OmittedProblems()


class _InvalidPayload(HookError):
    """A payload that its schema refuses."""

    _code: ClassVar[str]

    def __init__(
        self, hook: str, problems: Iterable[Problem], rest: OmittedProblems = NO_OMITTED_PROBLEMS
    ) -> None:
        every = sorted(set(problems), key=_sort_key)
        self.hook = hook
        self.problems = tuple(_within_limits(every))
        """The problems, in the order of path, rule and message; indexes count as numbers.

        At most 100, and no more than 18 KiB of JSON.
        """
        self.rest = rest._replace(number=rest.number + len(every) - len(self.problems))
        """How many more there are."""
        message = f"{hook}: " + "; ".join(map(str, self.problems)) + str(self.rest)
        data = {"problems": [problem.as_json() for problem in self.problems]}
        super().__init__(self._code, message, {**data, **self.rest.as_json()})


def _within_limits(problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield as many problems as a refusal has room for, and of each as much."""
    size = 0
    for problem in problems[:MAX_PROBLEMS]:
        short = _shorten(problem)
        size += sum(
            map(_json_bytes, (short.path, short.rule, short.message, '{"path","rule","message"}'))
        )
        if size > MAX_PROBLEM_BYTES:
            return
        yield short


def _shorten(problem: Problem) -> Problem:
    path, rule, message = problem.path, problem.rule, problem.message
    if (
        len(path) <= MAX_POINTER_CHARS
        and len(rule) <= MAX_MESSAGE_CHARS
        and len(message) <= MAX_MESSAGE_CHARS
    ):
        return problem
    if len(path) > MAX_POINTER_CHARS:
        path = path[:MAX_POINTER_CHARS].rpartition("/")[0]
    return Problem(path, rule[:MAX_MESSAGE_CHARS], shorten_message(message))


def _json_bytes(text: str) -> int:
    """Count the bytes of a text as JSON."""
    return (
        len(text.encode("utf-8", "replace"))
        + text.count('"')
        + text.count("\\")
        + 5 * sum(character < " " for character in text)
    )


def shorten_message(message: str) -> str:
    """Cut the value out of a message that repeats all of it; the reason stands behind."""
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    return f"{message[: MAX_MESSAGE_CHARS // 4]}…{message[-MAX_MESSAGE_CHARS // 2 :]}"


class InvalidInput(_InvalidPayload):
    """The payload breaks the hook's input schema; the plugin has not seen it."""

    _code = "invalid_input"


class InvalidOutput(_InvalidPayload):
    """The plugin answered with a value that the hook's output schema forbids."""

    _code = "invalid_output"


class InternalError(HookError):
    """The plugin raised an exception that is not a `HookError`.

    The traceback is in the plugin's log, next to the id in `data["id"]`. If the plugin runs in this
    process, the exception is the `__cause__`.
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__("internal", message, data)


class TransportError(ScaffoldError):
    """The call did not reach the plugin, or its answer did not come back."""

    code = "transport"


class ConnectFailed(TransportError):
    """The process could not be started, or nothing answered at the address."""

    code = "connect-failed"


class PeerCrashed(TransportError):
    """The plugin's process ended while calls were in flight."""

    code = "peer-crashed"


class DeadlineExceeded(TransportError):
    """No answer came within the time allowed."""

    code = "deadline-exceeded"


class ProtocolError(TransportError):
    """What came back is not what the Model Context Protocol asks for."""

    code = "protocol-error"


class PluginError(ScaffoldError):
    """A plugin that cannot be used: `plugin` is its name or folder, `reason` says why."""

    code = "plugin"

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(f"{plugin}: {reason}")
        self.plugin = plugin
        self.reason = reason


class ManifestInvalid(PluginError):
    """The manifest breaks a rule; `reason` lists every one, with its place."""

    code = "manifest-invalid"

    def __str__(self) -> str:
        return self.reason


class PluginLoadError(PluginError):
    """The plugin's code cannot be imported, instantiated or set up."""

    code = "plugin-load"


class RuntimeNotSupported(PluginError):
    """None of the runtimes in the manifest can be used here."""

    code = "runtime-not-supported"


class UnsupportedHook(PluginError):
    """The plugin's version of the contract lacks a hook that the host's has.

    `hook` is its name, `theirs` the version of the plugin and `ours` that of the host.
    """

    code = "unsupported_hook"

    def __init__(self, plugin: str, hook: str, theirs: str, ours: str) -> None:
        self.hook = hook
        self.theirs = theirs
        self.ours = ours
        reason = (
            f"it has no hook '{hook}': it is of version {theirs} of its kind, and the host of "
            f"{ours}; update the plugin"
        )
        super().__init__(plugin, reason)


class DuplicatePlugin(ManifestInvalid):
    """Another plugin of the host has the name already."""

    code = "duplicate-plugin"

    def __init__(self, plugin: str, both: str = "") -> None:
        two = f"{plugin}: installed packages give this plugin name twice: {both}; uninstall one"
        known = f"{plugin}: a plugin of this name is loaded already"
        super().__init__(plugin, two if both else known)


class KindUnknown(PluginError):
    """The kind, or its version, is not one that this host has registered."""

    code = "kind-unknown"


class DependencyFailed(PluginError):
    """A plugin named in `depends_on` is missing or unavailable."""

    code = "dependency-failed"


class DependencyCycle(PluginError):
    """Plugins depend on each other in a circle; the host does not start."""

    code = "dependency-cycle"


class DispatchError(PluginError):
    """No plugin can be found for a call; `plugin` is the name of the kind."""

    code = "dispatch"


class NoCapableHandler(DispatchError):
    """No plugin is there to answer, or none is capable of what is wanted."""

    code = "no-capable-handler"


class AmbiguousPlugin(DispatchError):
    """Several plugins could answer, and nothing says which of them should."""

    code = "ambiguous-plugin"
