"""The errors of a hook call: one family, the same in process and across the wire.

ScaffoldError
├── HookError             a hook failed with an error code that its kind declares
│   ├── InvalidInput      the payload breaks the input schema; the plugin was not called
│   ├── InvalidOutput     the plugin returned a value that breaks the output schema
│   └── InternalError     the plugin raised another exception; `data["id"]` is in its log
├── TransportError        the call did not reach the plugin, or its response did not come back
│   ├── ConnectFailed     the process did not start, or nothing responded at the address
│   ├── PeerCrashed       the process ended while calls were in flight
│   ├── DeadlineExceeded  no response before the deadline
│   └── ProtocolError     the response is not valid MCP
└── PluginError           a plugin that cannot be used
    ├── ManifestInvalid   its manifest breaks a rule
    │   └── DuplicatePlugin   another plugin has its name
    ├── PluginLoadError   its code cannot be imported, instantiated or set up
    ├── RuntimeNotSupported  this host can use none of its runtimes
    ├── UnsupportedHook   it implements an older version of its kind, without this hook
    ├── KindUnknown       this host has not registered its kind
    ├── DependencyFailed  a plugin that it depends on is missing or unavailable
    ├── DependencyCycle   it depends on itself through other plugins
    └── DispatchError     no plugin can be selected for a call
        ├── NoCapableHandler  no plugin is loaded, or none has the capability
        └── AmbiguousPlugin   several plugins match, and none is selected
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from typing_extensions import override

from scaffold.contract._errors.problems import (
    NO_OMITTED_PROBLEMS,
    OmittedProblems,
    Problem,
    shorten_message,
    sort_key,
    within_limits,
)


class ScaffoldError(Exception):
    """The base of all errors that this library raises on purpose."""

    code: str = "scaffold"
    """Names the problem. A code never changes, so programs may compare it."""

    _shown: ClassVar[tuple[str, ...]] = ("code",)
    """The attributes that `repr` shows."""

    @override
    def __repr__(self) -> str:
        shown = " ".join(f"{name}={getattr(self, name, None)!r}" for name in self._shown)
        return f"<{type(self).__name__} {shown}: {shorten_message(self._detail())}>"

    def _detail(self) -> str:
        return str(self)


class HookError(ScaffoldError):
    """A hook failed for a reason that its kind declares.

    Raise it in a plugin, with a code that the hookspec lists under `errors`. The caller gets the
    same code, message and data in every runtime.

    Args:
        code: The error code.
        message: One sentence for people.
        data: Any JSON value that helps the caller.

    Example:
        raise HookError("not_found", f"no document has the id {id!r}", {"id": id})
    """

    def __init__(self, code: str, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        """Any JSON value that helps the caller, or `None`."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @override
    def _detail(self) -> str:
        return self.message


class _InvalidPayload(HookError):
    """A payload breaks its schema."""

    _code: ClassVar[str]
    _shown = ("code", "hook")

    def __init__(
        self, hook: str, problems: Iterable[Problem], rest: OmittedProblems = NO_OMITTED_PROBLEMS
    ) -> None:
        every = sorted(set(problems), key=sort_key)
        self.hook = hook
        self.problems = tuple(within_limits(every))
        """At most 100 problems and 18 KiB, by path, rule and message; indexes are numbers."""
        self.rest = rest._replace(number=rest.number + len(every) - len(self.problems))
        """How many problems are not listed."""
        message = f"{hook}: " + "; ".join(map(str, self.problems)) + str(self.rest)
        data = {"problems": [problem.as_json() for problem in self.problems]}
        super().__init__(self._code, message, {**data, **self.rest.as_json()})


class InvalidInput(_InvalidPayload):
    """The payload breaks the input schema of the hook. The plugin was not called."""

    _code = "invalid_input"


class InvalidOutput(_InvalidPayload):
    """The plugin returned a value that breaks the output schema of the hook."""

    _code = "invalid_output"


class InternalError(HookError):
    """The plugin raised an exception that is not a `HookError`.

    The plugin's log has the traceback under the id in `data["id"]`. If the plugin runs in this
    process, the exception is also the `__cause__`.
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__("internal", message, data)


class TransportError(ScaffoldError):
    """The call did not reach the plugin, or its response did not come back."""

    code = "transport"


class ConnectFailed(TransportError):
    """The process could not be started, or nothing responded at the address."""

    code = "connect-failed"


class PeerCrashed(TransportError):
    """The plugin's process ended while calls were in flight."""

    code = "peer-crashed"


class DeadlineExceeded(TransportError):
    """No response came before the deadline."""

    code = "deadline-exceeded"


class ProtocolError(TransportError):
    """The response is not valid by the Model Context Protocol."""

    code = "protocol-error"


class PluginError(ScaffoldError):
    """A plugin cannot be used.

    Args:
        plugin: Its name, or its folder.
        reason: Why it cannot be used.
    """

    code = "plugin"
    _shown = ("code", "plugin")

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(f"{plugin}: {reason}")
        self.plugin = plugin
        self.reason = reason

    @override
    def _detail(self) -> str:
        return self.reason


class ManifestInvalid(PluginError):
    """The manifest breaks rules; `reason` lists each one with its place in the file."""

    code = "manifest-invalid"

    def __str__(self) -> str:
        return self.reason


class PluginLoadError(PluginError):
    """The plugin's code cannot be imported, instantiated or set up."""

    code = "plugin-load"


class RuntimeNotSupported(PluginError):
    """This host can use none of the runtimes in the manifest."""

    code = "runtime-not-supported"


class UnsupportedHook(PluginError):
    """The plugin implements an older version of its kind, which does not have this hook.

    Args:
        plugin: The name of the plugin.
        hook: The name of the hook.
        theirs: The version of the kind that the plugin implements.
        ours: The version of the kind that the host has.
    """

    code = "unsupported_hook"

    def __init__(self, plugin: str, hook: str, theirs: str, ours: str) -> None:
        self.hook = hook
        self.theirs = theirs
        self.ours = ours
        reason = (
            f"it has no hook '{hook}': it implements version {theirs} of its kind, and the host "
            f"has version {ours}; update the plugin"
        )
        super().__init__(plugin, reason)


class DuplicatePlugin(ManifestInvalid):
    """Another plugin of the host has the same name."""

    code = "duplicate-plugin"

    def __init__(self, plugin: str, both: str = "") -> None:
        installed = f"{plugin}: two installed packages have this plugin name: {both}; uninstall one"
        loaded = f"{plugin}: a plugin with this name is already loaded"
        super().__init__(plugin, installed if both else loaded)


class KindUnknown(PluginError):
    """This host has not registered the kind, or not this version of it."""

    code = "kind-unknown"


class DependencyFailed(PluginError):
    """A plugin named in `depends_on` is missing or unavailable."""

    code = "dependency-failed"


class DependencyCycle(PluginError):
    """Plugins depend on each other in a circle; the host does not start."""

    code = "dependency-cycle"


class DispatchError(PluginError):
    """No plugin can be selected for a call; `plugin` is the name of the kind."""

    code = "dispatch"


class NoCapableHandler(DispatchError):
    """No plugin of the kind is loaded, or none has the wanted capability."""

    code = "no-capable-handler"


class AmbiguousPlugin(DispatchError):
    """Several plugins match a call, and none of them is selected."""

    code = "ambiguous-plugin"
