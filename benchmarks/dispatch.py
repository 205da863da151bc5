"""Ten plugins in one call, in process: collect and chain, compared with pluggy and dagstack.

    .bench/bin/python -m benchmarks.dispatch    (benchmarks/README.md says how to make .bench)

Every side asks the same ten objects, which answer at once. `loop` is the floor: a bare loop over
their methods. pluggy has no chain. Processes of all sides take turns, and medians count.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any, TypeAlias

from benchmarks.rounds import rounds
from benchmarks.wire.bench_v1 import EchoInput
from scaffold.contract import (
    Channel,
    Client,
    Dispatch,
    Dispatcher,
    Hook,
    Kind,
    Plugin,
    Routes,
)
from scaffold.host import Host

Call: TypeAlias = Callable[[EchoInput], object]

PLUGINS = 10
ROUNDS = 7
BATCHES = 25
CALLS = 5_000

PAYLOAD = EchoInput(number=1, text="hello", items=[])

ALL = Hook[EchoInput, EchoInput](
    "ask", Dispatch.BROADCAST_COLLECT, input=EchoInput, output=EchoInput
)
NEXT = Hook[EchoInput, EchoInput]("pass_on", Dispatch.CHAIN, input=EchoInput, output=EchoInput)
TEN = Kind("ten", "1.0.0", (ALL, NEXT), digest="", contract={})


class Ten(Plugin):
    """Answers with what it got."""

    kind = TEN

    def ask(self, payload: EchoInput) -> EchoInput:
        """Answer."""
        return payload

    def pass_on(self, payload: EchoInput) -> EchoInput:
        """Hand on."""
        return payload


class TenClient(Client, Ten):
    """Never called here; a dispatcher names one."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)


class TenDispatcher(Dispatcher):
    """What the generator writes for such a kind."""

    kind = TEN
    client = TenClient

    def bind(self, routes: Routes) -> None:
        """Make the functions that the methods call."""
        self._ask = routes.broadcast_collect(ALL)
        self._pass_on = routes.chain(NEXT)

    def ask(self, payload: EchoInput) -> list[EchoInput]:
        """Ask every plugin."""
        return self._ask(payload)

    def pass_on(self, payload: EchoInput) -> EchoInput:
        """Hand each plugin's answer to the next one."""
        return self._pass_on(payload)


def loop() -> tuple[Call, Call]:
    asks = [Ten().ask for _ in range(PLUGINS)]
    passes = [Ten().pass_on for _ in range(PLUGINS)]

    def pass_on(payload: EchoInput) -> EchoInput:
        for step in passes:
            payload = step(payload)
        return payload

    return lambda payload: [ask(payload) for ask in asks], pass_on


def ours() -> tuple[Call, Call]:
    host = Host()
    ten = host.kind(TenDispatcher)
    for place in range(PLUGINS):
        host.add(Ten, f"p{place}", priority=place)
    host.start()
    return ten.ask, ten.pass_on


def with_pluggy() -> tuple[Call, Call | None]:
    import pluggy

    spec, impl = pluggy.HookspecMarker("ten"), pluggy.HookimplMarker("ten")

    class Spec:
        @spec
        def ask(self, payload: EchoInput) -> EchoInput:
            raise NotImplementedError

    impl(Ten.ask)
    manager = pluggy.PluginManager("ten")
    manager.add_hookspecs(Spec)
    for _ in range(PLUGINS):
        manager.register(Ten())
    return lambda payload: manager.hook.ask(payload=payload), None


class WithContext:
    """The same for dagstack, whose hooks take a context first."""

    def ask(self, _context: Any, payload: EchoInput) -> EchoInput:
        """Answer, or hand on."""
        return payload


def with_dagstack() -> tuple[Call, Call]:
    from dagstack.plugin_system import PluginRegistry
    from dagstack.plugin_system import dispatch as peer
    from dagstack.plugin_system.manifest import PluginManifest

    registry = PluginRegistry()
    for place in range(PLUGINS):
        manifest = PluginManifest(
            schema_version="1",
            name=f"p{place}",
            kind="ten",
            kind_api_version="1",
            core_version=">=0",
            runtime="in_process",
            entry_point="benchmarks.dispatch:WithContext",
            priority=place,
        )
        registry.register_manifest(manifest)
    collect = peer.BroadcastCollectDispatcher(registry, dispatch_class_override="broadcast_collect")
    chain = peer.ChainDispatcher(registry, dispatch_class_override="chain")
    context: Any = None
    return (
        lambda payload: collect.dispatch("ten", "ask", context, payload),
        lambda payload: chain.dispatch("ten", "ask", context, initial_value=payload),
    )


SIDES: dict[str, Callable[[], tuple[Call, Call | None]]] = {
    "loop": loop,
    "ours": ours,
    "pluggy": with_pluggy,
    "dagstack": with_dagstack,
}


def nanoseconds(call: Call) -> float:
    start = perf_counter_ns()
    for _ in range(CALLS):
        call(PAYLOAD)
    return (perf_counter_ns() - start) / CALLS


def measure(side: str) -> None:
    """Print the times of one side's collect and chain."""
    calls = SIDES[side]()
    print(
        json.dumps([call and median(nanoseconds(call) for _ in range(BATCHES)) for call in calls])
    )


def main(number: int) -> None:
    found: dict[str, list[list[float | None]]] = {side: [] for side in SIDES}
    for _ in range(number):
        for side in SIDES:
            command = [sys.executable, "-m", "benchmarks.dispatch", side]
            root = Path(__file__).parents[1]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=root)
            found[side].append(json.loads(done.stdout))
    print(f"{'side':10}{'collect ns':>12}{'chain ns':>12}   {number} processes a side, medians")
    for side, times in found.items():
        columns = [
            [one for one in column if one is not None] for column in zip(*times, strict=True)
        ]
        cells = [f"{median(column):12.0f}" if column else f"{'—':>12}" for column in columns]
        print(f"{side:10}{''.join(cells)}")


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in SIDES:
        measure(sys.argv[1])
    else:
        main(rounds(ROUNDS, __doc__))
