"""The plugin under test: its manifest, its code, its sample calls, and channels to it."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from pydantic_core import from_json

from scaffold.contract._errors.errors import DeadlineExceeded
from scaffold.contract._hooks.channel import Channel, bind_any_hook, dump_output
from scaffold.contract._hooks.hook import Kind
from scaffold.contract._json import Json, JsonObject
from scaffold.host._concurrency.time_limit import TimeLimitExceeded, run_in_time
from scaffold.host._plugin_context import HostServices, PluginEnvironment
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.host._runtimes.server_process import serving
from scaffold.manifest._compatibility import choose_runtime, untyped_kind
from scaffold.manifest._model import Manifest, Runtime, read_manifest
from scaffold.manifest._secrets import Secrets
from scaffold.testing._plugin.runtimes import FIXED_DOUBLES, REAL_TIME_DOUBLES, call_outcome
from scaffold.testing._plugin.sample_calls import SampleCall, ValueGenerator, sample_calls
from scaffold.testing._plugin.source_scan import SourceScan

_CALL_TIMEOUT = 60.0
"""Timeout of a call in seconds, whatever its hook declares."""


class NotApplicable(Exception):
    """A check does not apply to this plugin; the message says why."""


class PluginUnderTest:
    """A plugin that is tested.

    Args:
        folder: The folder with its manifest.
        variants: Generates values for schemas.
        secrets: The secrets that the manifest may refer to.

    Raises:
        ManifestInvalid: The manifest breaks a rule.
    """

    def __init__(
        self, folder: Path, variants: ValueGenerator, secrets: Secrets | None = None
    ) -> None:
        self.manifest: Manifest = read_manifest(folder)
        self.kind: Kind = untyped_kind(self.manifest)
        self.source = SourceScan(self.manifest.folder, self.manifest.entry_point or "")
        self._variants = variants
        self._secrets = secrets or Secrets()

    @property
    def in_process_only(self) -> bool:
        """True if it is for use in process only: ADR-0003 exempts it from invariants 1, 2 and 8."""
        return self.manifest.in_process_only or bool(self.kind.contract.get("in_process_only"))

    @property
    def runtime(self) -> Runtime:
        """The runtime that a host would choose. Raises `RuntimeNotSupported`."""
        return choose_runtime(self.manifest, None)

    @property
    def manifest_place(self) -> str:
        """The place of findings in the manifest."""
        return self.manifest.file.name

    def place(self, hook: str) -> str:
        """Return the place of a hook in the code, or the manifest if it is not found."""
        return self.source.methods.get(hook, self.manifest_place)

    @cached_property
    def sample_calls(self) -> tuple[SampleCall, ...]:
        """All sample calls. Raises `ScaffoldError` if the plugin cannot be used."""
        return tuple(sample_calls(self.kind, self._variants, self._catalogue))

    @property
    def valid_calls(self) -> tuple[SampleCall, ...]:
        """The sample calls with valid input."""
        return tuple(case for case in self.sample_calls if case.valid)

    def remote_calls(self) -> tuple[SampleCall, ...]:
        """Return the sample calls that are also possible over MCP."""
        catalogues = {
            hook.functions.catalogue for hook in self.kind.hooks.values() if hook.functions
        }
        hooks = self.kind.hooks
        return tuple(
            case
            for case in self.sample_calls
            if hooks[case.hook].exposed or case.hook in catalogues
        )

    def must_offer(self, runtime: Runtime) -> None:
        """Raise `NotApplicable` if the manifest does not offer a runtime."""
        if runtime not in self.manifest.runtime:
            raise NotApplicable(f"its manifest does not offer {runtime}")

    def provision(self, doubles: Mapping[str, Json] = FIXED_DOUBLES) -> PluginEnvironment:
        """Return the environment of the plugin: its resources are test doubles."""
        return PluginEnvironment.of(
            self.manifest, HostServices(secrets=self._secrets), doubles=doubles
        )

    @contextmanager
    def opened(
        self, runtime: Runtime, doubles: Mapping[str, Json] = FIXED_DOUBLES
    ) -> Generator[Channel]:
        """Open a channel to the plugin; for HTTP a server is started if possible.

        Raises `NotApplicable` if the manifest does not offer the runtime.
        """
        self.must_offer(runtime)
        with ExitStack() as stack:
            manifest, provision = self.manifest, self.provision(doubles)
            if runtime == "mcp_http":
                manifest = stack.enter_context(serving(manifest, provision.variables()))
            channel = open_channel(replace(provision, manifest=manifest), self.kind, runtime)
            stack.callback(channel.close)
            yield channel

    def call_new_plugin(self, case: SampleCall) -> Json:
        """Make one call with a new plugin, so that earlier calls have no effect."""
        with self.opened("in_process") as channel:
            return call_as_json(channel, self.kind, case)

    def outcomes(
        self, channel: Channel, tried: Sequence[SampleCall], kind: Kind | None = None
    ) -> list[JsonObject]:
        """Make calls in turn; `kind` may be a modified copy of the plugin's kind."""
        view = kind or self.kind
        return [call_outcome(partial(call_as_json, channel, view, case)) for case in tried]

    def _catalogue(self, hook: str) -> list[JsonObject]:
        with self.opened(self.runtime, REAL_TIME_DOUBLES) as channel:
            listed: list[JsonObject] = call_as_json(
                channel, self.kind, SampleCall(hook, None, valid=True)
            )
            return listed


def call_as_json(channel: Channel, kind: Kind, case: SampleCall) -> Json:
    """Make one call and return its output as JSON; raise `ScaffoldError`."""
    hook = kind.hooks[case.hook]
    call = bind_any_hook(channel, hook)
    try:
        answered = run_in_time(_CALL_TIMEOUT, lambda: call(case.payload))
    except TimeLimitExceeded as late:
        raise DeadlineExceeded(f"{case.hook}: {late}") from None
    return from_json(dump_output(hook, answered))
