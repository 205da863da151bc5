"""`scaffold call`: call one hook of a plugin, over one runtime or over all of them."""

import json
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from scaffold._cli.reporting.call_output import (
    Answer,
    all_equal,
    difference,
    plugin_log,
    print_json,
    print_outcomes,
    print_times,
)
from scaffold._cli.reporting.exit_status import print_error
from scaffold._cli.reporting.output import print_json_text, print_lines, print_message
from scaffold._project.config.errors import UsageError
from scaffold.contract._errors.errors import HookError, InternalError, ScaffoldError
from scaffold.contract._hooks.channel import Channel, bind_any_hook, dump_output
from scaffold.contract._hooks.hook import Hook, Kind, StreamHook
from scaffold.generator._schema.samples.sample_values import sample
from scaffold.generator._source.json_values import canonical
from scaffold.host._plugin_context import HostServices, PluginEnvironment
from scaffold.host._runtimes.open_channel import open_channel
from scaffold.host._runtimes.server_process import serving
from scaffold.manifest._compatibility import choose_runtime, untyped_kind
from scaffold.manifest._model import Runtime, read_manifest
from scaffold.manifest._secrets import Secrets
from scaffold.testing._plugin.runtimes import error_as_json


def call(
    folder: Path,
    hook: str,
    *,
    input: str | None,
    runtime: str | None,
    compare: bool,
    repeat: int | None,
    secrets: Sequence[str],
    as_json: bool,
) -> int:
    """Print what a hook answers; with `compare` return 1 if the runtimes differ."""
    if compare and runtime:
        raise UsageError("contradiction", "--compare calls over every runtime: drop --runtime")
    data = None if input is None else _read(input)
    manifest = read_manifest(folder)
    provision = PluginEnvironment.of(manifest, HostServices(secrets=Secrets(secrets or None)))
    spec = _hook(untyped_kind(manifest), hook)
    if isinstance(spec, StreamHook) and not (compare or repeat or as_json):
        return _print_items(provision, spec, choose_runtime(manifest, runtime), data)
    runtimes = manifest.runtime if compare else (choose_runtime(manifest, runtime),)
    with plugin_log() as log:
        try:
            answers = _answers(provision, spec, runtimes, data=data, times=repeat or 1)
        except ScaffoldError as error:
            if as_json:
                print_json({"error": error_as_json(error)})
            raise
    for answer in answers.values():
        if isinstance(answer.error, InternalError):
            log.explain(answer.error)
            break
    if compare and not all_equal(answers):
        if as_json:
            print_outcomes(answers, compare=True, as_json=True)
        else:
            print_lines(difference(answers))
        return 1
    if repeat is not None:
        print_times(answers, as_json=as_json)
    else:
        print_outcomes(answers, compare=compare, as_json=as_json)
    return _conclude(answers, compare=compare)


def _print_items(
    provision: PluginEnvironment, hook: StreamHook[Any, Any], runtime: Runtime, data: str | None
) -> int:
    """Print the items of a stream as they come, a line each; raise the error that ends it."""
    with plugin_log() as log:
        out = sys.stdout
        try:
            with _opened(provision, hook.kind, runtime) as channel:
                payload = hook.input.load(_sample(channel, hook) if data is None else data)
                for item in channel.stream(hook)(payload):
                    print_json_text(canonical(json.loads(hook.output.dump(item))), out)
                    out.flush()
        except InternalError as error:
            log.explain(error)
            raise
    return 0


def _conclude(answers: dict[str, Answer], *, compare: bool) -> int:
    """Raise the error that was the answer; with `compare` it is as good an answer as any."""
    error = next(iter(answers.values())).error
    if compare:
        print_message(f"the same over {', '.join(answers)}")
    if error is None:
        return 0
    if not compare:
        raise error
    print_error(error)
    return 0


def _read(text: str) -> str:
    """Return the JSON text that `--input` means: itself, a file's (`@FILE`) or stdin's (`-`)."""
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text("utf-8")
        json.loads(text)
    except OSError as error:
        raise UsageError("no-input", f"cannot read '{text[1:]}': {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError("input-not-json", f"the input is not JSON: {error}") from error
    return text


def _hook(kind: Kind, name: str) -> Hook[Any, Any]:
    if name not in kind.hooks:
        known = ", ".join(f"'{each}'" for each in kind.hooks)
        raise UsageError("unknown-hook", f"'{kind.name}' has no hook '{name}'; it has {known}")
    return kind.hooks[name]


def _answers(
    provision: PluginEnvironment,
    hook: Hook[Any, Any],
    runtimes: Sequence[Runtime],
    *,
    data: str | None,
    times: int,
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    for runtime in runtimes:
        with _opened(provision, hook.kind, runtime) as channel:
            data = _sample(channel, hook) if data is None else data
            answers[runtime] = _call(channel, hook, hook.input.load(data), times)
    return answers


@contextmanager
def _opened(provision: PluginEnvironment, kind: Kind, runtime: Runtime) -> Generator[Channel]:
    manifest = provision.manifest
    with ExitStack() as stack:
        # What a plugin prints in this process must not get between a program and the answer.
        stack.enter_context(redirect_stdout(sys.stderr))
        if runtime == "mcp_http":
            manifest = stack.enter_context(serving(manifest))
        channel = open_channel(replace(provision, manifest=manifest), kind, runtime)
        stack.callback(channel.close)
        yield channel


def _sample(channel: Channel, hook: Hook[Any, Any]) -> str:
    """Make an input from the schema; for a hook of functions, a call of the plugin's first one."""
    payload = sample(hook.input.schema)
    if hook.functions is not None:
        listed = channel.bind(hook.kind.hooks[hook.functions.catalogue])(None)
        if listed:
            payload[hook.functions.name] = listed[0]["name"]
            payload[hook.functions.arguments] = sample(listed[0]["parameters"])
    return json.dumps(payload)


def _call(channel: Channel, hook: Hook[Any, Any], payload: Any, times: int) -> Answer:
    function = bind_any_hook(channel, hook)
    taken: list[int] = []
    answer, error = None, None
    for _ in range(times):
        start = perf_counter_ns()
        try:
            answer, error = function(payload), None
        except HookError as raised:
            answer, error = None, raised
        taken.append(perf_counter_ns() - start)
    if error is not None:
        return Answer({"error": error_as_json(error)}, error, taken)
    return Answer({"result": json.loads(dump_output(hook, answer))}, None, taken)
