"""A call in process: typed client and dispatcher compared with a direct call, pluggy and dagstack.

    .bench/bin/python -m benchmarks.in_process    (benchmarks/README.md says how to make .bench)

Every side calls the same method of the same plugin. A process measures one side and the direct call
in turns, so that its overhead is a difference within one process; processes of all sides take
turns, and the median of each side counts.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import TypeAlias

from benchmarks.rounds import rounds
from benchmarks.wire.bench_v1 import (
    BenchClient,
    BenchDispatcher,
    BenchPlugin,
    EchoExactInput,
    EchoExactOutput,
    EchoInput,
    EchoOutput,
)

Call: TypeAlias = Callable[[EchoInput], EchoOutput]

ROUNDS = 7
BATCHES = 30
CALLS = 20_000

ANSWER = EchoOutput(number=1, text="hello", items=[])


class Echo(BenchPlugin):
    """Answers at once: what is measured is the way to it."""

    def echo(self, payload: EchoInput) -> EchoOutput:
        """Answer."""
        return ANSWER

    def echo_exact(self, payload: EchoExactInput) -> EchoExactOutput:
        """Stay away: the kind asks for this hook, and no side calls it."""
        raise NotImplementedError


def direct(plugin: Echo) -> Call:
    return plugin.echo


def ours(plugin: Echo) -> Call:
    from scaffold.host import InProcessChannel

    return BenchClient(InProcessChannel(plugin)).echo


def dispatched(plugin: Echo) -> Call:
    from scaffold.host import Host

    host = Host()
    calls = host.kind(BenchDispatcher)
    host.add(plugin, "echo")
    host.start()
    return calls.echo


def with_pluggy(plugin: Echo) -> Call:
    import pluggy

    spec, impl = pluggy.HookspecMarker("bench"), pluggy.HookimplMarker("bench")

    class Spec:
        """What pluggy holds implementations to."""

        @spec(firstresult=True)
        def echo(self, payload: EchoInput) -> EchoOutput:
            """Answer with the payload."""
            raise NotImplementedError

    impl(Echo.echo)
    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(Spec)
    manager.register(plugin)
    return lambda payload: manager.hook.echo(payload=payload)


def with_dagstack(_plugin: Echo) -> Call:
    from dagstack.plugin_system import PluginRegistry
    from dagstack.plugin_system.manifest import PluginManifest

    registry = PluginRegistry()
    registry.register_manifest(
        PluginManifest(
            schema_version="1",
            name="echo",
            kind="bench",
            kind_api_version="1",
            core_version=">=0",
            runtime="in_process",
            entry_point="benchmarks.in_process:Echo",
        )
    )
    return lambda payload: registry.get_plugin("bench").echo(payload)


SIDES: dict[str, Callable[[Echo], Call]] = {
    "direct": direct,
    "ours": ours,
    "dispatched": dispatched,
    "pluggy": with_pluggy,
    "dagstack": with_dagstack,
}


def nanoseconds(call: Call, payload: EchoInput) -> float:
    """Return the time of one call; the loop around it costs every side the same."""
    start = perf_counter_ns()
    for _ in range(CALLS):
        call(payload)
    return (perf_counter_ns() - start) / CALLS


def measure(side: str) -> None:
    """Print the times of the direct call and of one side, as one process sees them."""
    plugin, payload = Echo(), EchoInput(number=1, text="hello", items=[])
    calls = [direct(plugin), SIDES[side](plugin)]
    assert all(call(payload) == ANSWER for call in calls)
    times = [[nanoseconds(call, payload) for call in calls] for _ in range(BATCHES)]
    print(json.dumps([median(column) for column in zip(*times, strict=True)]))


def main(number: int) -> None:
    found: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    for _ in range(number):
        for side in SIDES:
            command = [sys.executable, "-m", "benchmarks.in_process", side]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            found[side].append(json.loads(done.stdout))
    print(f"{'side':12}{'ns':>8}{'over direct':>14}{'ratio':>8}   {number} processes a side")
    for side, times in found.items():
        over = median(own - floor for floor, own in times)
        ratio = median(own / floor for floor, own in times)
        print(f"{side:12}{median(own for _, own in times):8.0f}{over:14.0f}{ratio:8.2f}")


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in SIDES:
        measure(sys.argv[1])
    else:
        main(rounds(ROUNDS, __doc__))
