"""A host at scale: a thousand plugins in process, fifty processes, a third of them killed.

The processes are started anew, and again as forks of one.

    /tmp/in_process/bin/python -m benchmarks.hosts

The folders are written to a temporary place. Memory is the growth of the resident set; of processes
it is what they have between them, a page that several share counted once.
"""

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter

from benchmarks.wire.bench_v1 import BenchClient, BenchDispatcher, EchoInput
from benchmarks.wire.processes import descendants
from scaffold.contract._errors.errors import ScaffoldError
from scaffold.host import Host, Started

PLUGIN = """
import os

from benchmarks.wire.bench_v1 import BenchPlugin, EchoOutput


class Echo(BenchPlugin):
    def echo(self, payload):
        return EchoOutput(number=os.getpid(), text=payload.text, items=[])

    def echo_exact(self, payload):
        raise NotImplementedError


class Broken(Echo):
    def setup(self, context):
        raise RuntimeError("no disk")
"""
MANIFEST = """
[plugin]
name = "p{place}"
kind = "bench"
priority = {place}
runtime = "{runtime}"
entry_point = "echo:{made}"

[plugin.mcp_stdio]
command = ["{python}", "-m", "scaffold.server", "echo:{made}", "--name", "p{place}"]
env = {{ PYTHONPATH = "{path}" }}
"""
PAYLOAD = EchoInput(number=1, text="hello", items=[])
SECONDS = 10.0
"""How long the plugins are called while processes are killed, at most."""


def write(folder: Path, count: int, runtime: str) -> None:
    """Write plugins, of which one cannot be set up."""
    root = Path(__file__).parents[1]
    for place in range(count):
        own = folder / f"p{place}"
        own.mkdir()
        own.joinpath("echo.py").write_text(PLUGIN, encoding="utf-8")
        made = "Broken" if place == count // 2 else "Echo"
        text = MANIFEST.format(
            place=place, runtime=runtime, made=made, python=sys.executable, path=root
        )
        own.joinpath("dagstack.toml").write_text(text, encoding="utf-8")


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def started(host: Host, folder: Path) -> tuple[list[float], float]:
    """Start what is in a folder; return when each plugin was done, and the time to find them."""
    host.kind(BenchDispatcher)
    begin = perf_counter()
    host.discover(folder)
    found = perf_counter() - begin
    done: list[float] = []
    begin = perf_counter()

    def note(one: Started) -> None:
        done.append(perf_counter() - begin)
        if one.done % (one.total // 5) == 0:
            print(f"  {one.done:5} of {one.total} after {done[-1]:6.2f} s")

    host.start(note)
    return done, found


def in_process(count: int) -> None:
    print(f"{count} plugins in process, of which one fails in setup")
    with tempfile.TemporaryDirectory() as name, Host() as host:
        write(Path(name), count, "in_process")
        before = resident()
        done, found = started(host, Path(name))
        used = (resident() - before) / count
        begin = perf_counter()
        host.client("p0", BenchClient).echo(PAYLOAD)
        assert len(host.plugins) == count - 1
        half, whole = done[count // 2], done[-1]
        print(f"  found in {found:.2f} s, {1000 * found / count:.2f} ms a plugin")
        print(f"  started in {whole:.2f} s, {1000 * whole / count:.2f} ms a plugin, ", end="")
        print(f"the second half {(whole - half) / half:.2f} times as long as the first")
        print(f"  memory {used / 1024:.0f} KiB a plugin; unavailable: 1")
        print(f"  first call after {1e6 * (perf_counter() - begin):.0f} µs")


def proportional(root: int) -> int:
    """Return the bytes that the descendants of a process have between them."""
    found = 0
    for process in descendants(root):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
        found += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return found


def killed(count: int, *, fork_server: bool) -> None:
    how = "forks of one process" if fork_server else "processes started anew"
    print(f"{count} {how} over stdio, of which one fails in setup")
    with tempfile.TemporaryDirectory() as name, Host(fork_server=fork_server) as host:
        write(Path(name), count, "mcp_stdio")
        done, _ = started(host, Path(name))
        print(f"  started in {done[-1]:.2f} s, {1000 * done[-1] / count:.0f} ms a plugin, ", end="")
        print(f"memory {proportional(os.getpid()) / 1e6 / count:.1f} MB a plugin")
        names = list(host.plugins)
        assert len(names) == count - 1
        clients = {name: host.client(name, BenchClient) for name in names}
        pids = {name: client.echo(PAYLOAD).number for name, client in clients.items()}
        victims = names[::3]
        outcomes: dict[str, list[str]] = {name: [] for name in names}
        slowest: list[float] = []
        stop = threading.Event()

        def call(name: str) -> None:
            while not stop.is_set():
                begin = monotonic()
                try:
                    clients[name].echo(PAYLOAD)
                    outcomes[name].append("answer")
                except ScaffoldError as error:
                    outcomes[name].append(type(error).__name__)
                slowest.append(monotonic() - begin)

        threads = [threading.Thread(target=call, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        while min(map(len, outcomes.values())) < 3:
            stop.wait(0.05)
        for victim in victims:
            os.kill(int(pids[victim]), signal.SIGKILL)
        at = {name: len(outcomes[name]) for name in names}
        deadline = monotonic() + SECONDS
        while monotonic() < deadline and any(
            outcomes[name][at[name] :].count("answer") < 2 for name in names
        ):
            stop.wait(0.05)
        stop.set()
        for thread in threads:
            thread.join(SECONDS)
        again = sum(clients[name].echo(PAYLOAD).number != pids[name] for name in victims)
        errors = [one for found in outcomes.values() for one in found if one != "answer"]
        others = [one for name in set(names) - set(victims) for one in outcomes[name]]
        print(f"  killed {len(victims)} while all were called: {again} answer from a new process")
        print(
            f"  calls {len(slowest)}, errors {len(errors)}: {sorted(set(errors)) or 'none'}; ",
            end="",
        )
        print(f"of the others' calls {len(others) - others.count('answer')} failed")
        print(
            f"  a call took {1000 * median(slowest):.1f} ms (median), {max(slowest):.2f} s at most"
        )
        assert not any(thread.is_alive() for thread in threads)


def main() -> None:
    for count in (250, 1000):
        in_process(count)
    killed(50, fork_server=False)
    killed(50, fork_server=True)


if __name__ == "__main__":
    main()
