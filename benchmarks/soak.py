"""An hour's worth of calls, compressed, while the server is killed again and again.

`python benchmarks/soak.py` makes a million calls over stdio and a tenth of that over HTTP, from
several threads, prints a line for each check and exits with 1 if one fails.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.wire.bench_v1 import BENCH, BenchClient, EchoInput  # noqa: E402
from benchmarks.wire.processes import descendants  # noqa: E402
from scaffold.client._http import HttpChannel  # noqa: E402
from scaffold.client._stdio.channel import StdioChannel  # noqa: E402
from scaffold.contract import TransportError  # noqa: E402

SERVER: Final = [
    sys.executable,
    *("-m", "scaffold.server", "benchmarks.wire.servers.ours:EchoPlugin", "--name", "bench"),
]
CALLERS: Final = 8
KILLS: Final = 20
"""All in the first half: in the second, one server answers so many calls that a leak would show."""
SAMPLES: Final = 200
"""How often memory is read, evenly over the calls."""
MOST_ATTEMPTS: Final = 10
"""How often a call is made again that an error has ended, before it counts as lost."""
WARM: Final = 500
"""Calls of the second half after which a server's memory is looked at."""
PAUSE: Final = 0.002
"""Seconds between two looks at how far the callers are."""
STUCK: Final = 150.0
"""Seconds without any call ending that mean that some call never will."""
SETTLED: Final = 2.0
"""Seconds that a thread or a process which has been told to end may take."""
SLACK: Final = 2_000_000
"""Bytes by which medians of memory may differ beyond a twentieth."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000, help="over stdio (default: 10**6)")
    calls = parser.parse_args().calls
    checks = Checks()
    soak("stdio", stdio, calls, checks)
    soak("HTTP", http, calls // 10, checks)
    return 1 if checks.failed else 0


Transport: TypeAlias = Callable[[], AbstractContextManager[tuple[BenchClient, Callable[[], None]]]]
"""Opens a client, and hands out what kills its server."""


class Checks:
    """Prints a line for each check."""

    def __init__(self) -> None:
        self.failed = 0

    def hold(self, what: str, *, to: bool) -> None:
        """Say what was checked; `to` is whether it holds."""
        print("ok    " if to else "FAILED", what, flush=True)
        self.failed += not to


@contextmanager
def stdio() -> Iterator[tuple[BenchClient, Callable[[], None]]]:
    """A client over stdio, and what kills its server, which the client starts again."""

    def kill() -> None:
        for process in descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    with BenchClient(StdioChannel(SERVER, kind=BENCH, plugin="bench", cwd=ROOT)) as client:
        yield client, kill


@contextmanager
def http() -> Iterator[tuple[BenchClient, Callable[[], None]]]:
    """A client over HTTP, and what kills its server and starts another."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = _serve(port)

    def kill() -> None:
        nonlocal server
        server.kill()
        server.wait()
        server = _serve(port)

    try:
        with BenchClient(_connected(port)) as client:
            yield client, kill
    finally:
        server.terminate()
        server.wait()


def _serve(port: int) -> "subprocess.Popen[bytes]":
    command = [*SERVER, "--http", "--port", str(port)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _connected(port: int) -> HttpChannel:
    end = time.monotonic() + 30
    while True:
        try:
            return HttpChannel(f"http://127.0.0.1:{port}/mcp", kind=BENCH, plugin="bench")
        except TransportError:
            if time.monotonic() > end:
                raise


class Callers:
    """Threads that share out the calls between them."""

    def __init__(self, client: BenchClient, calls: int) -> None:
        self.answers = bytearray(calls)
        """Call → how many answers it got."""
        self.wrong = 0
        self.failures: Counter[str] = Counter()
        """Error → how many calls were made again because of it."""
        self._client = client
        self._done = [0] * CALLERS
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(place,), daemon=True)
            for place in range(CALLERS)
        ]

    def start(self) -> None:
        """Start calling."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until all calls are over."""
        for thread in self._threads:
            thread.join()

    @property
    def busy(self) -> bool:
        """True until all calls are over."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def done(self) -> int:
        """How many calls are over, answered or lost."""
        return sum(self._done)

    def _work(self, place: int) -> None:
        for number in range(place, len(self.answers), CALLERS):
            for _ in range(MOST_ATTEMPTS):
                if self._call(number):
                    break
            self._done[place] += 1

    def _call(self, number: int) -> bool:
        asked = EchoInput(number=number, text=f"call {number}", items=[])
        try:
            answer = self._client.echo(asked)
        except TransportError as error:
            with self._lock:
                self.failures[type(error).__name__] += 1
            return False
        self.answers[number] += 1
        if (answer.number, answer.text, answer.items) != (asked.number, asked.text, asked.items):
            with self._lock:
                self.wrong += 1
        return True


def soak(name: str, transport: Transport, calls: int, checks: Checks) -> None:
    """Make the calls over one transport, and check what has come of them."""
    with transport() as (client, _kill):
        client.echo(EchoInput(number=0, text="what is made once is made now", items=[]))
    before = _resources()
    ours: list[int] = []
    theirs: list[int] = []
    kills = 0
    with transport() as (client, kill):
        callers = Callers(client, calls)
        callers.start()
        last, since = 0, time.monotonic()
        while callers.busy:
            time.sleep(PAUSE)
            done = callers.done
            if done != last:
                last, since = done, time.monotonic()
            elif time.monotonic() - since > STUCK:
                checks.hold(f"{name}: no call hangs", to=False)
                return
            if done >= (kills + 1) * calls // (2 * KILLS + 1) and kills < KILLS:
                kills += 1
                kill()
            elif done >= len(ours) * calls // SAMPLES:
                ours.append(_resident(os.getpid()))
                if done > calls // 2 + WARM:
                    theirs.append(sum(map(_resident, descendants(os.getpid()))))
        callers.join()
    after = _settled(before)

    lost = callers.answers.count(0)
    more = calls - lost - callers.answers.count(1)
    again = ", ".join(f"{count} {error}" for error, count in callers.failures.items()) or "none"
    checks.hold(f"{name}: {kills} kills, calls made again: {again}", to=kills == KILLS)
    checks.hold(f"{name}: {calls} calls, {lost} lost, {more} answered twice", to=lost + more == 0)
    checks.hold(f"{name}: {callers.wrong} wrong answers", to=callers.wrong == 0)
    checks.hold(f"{name}: memory of the client, {_trend(ours)}", to=_is_flat(ours))
    checks.hold(f"{name}: memory of the last server, {_trend(theirs)}", to=_is_flat(theirs))
    for what, count in before.items():
        checks.hold(f"{name}: {what}, {count} before, {after[what]} after", to=after[what] == count)


def _settled(before: dict[str, int]) -> dict[str, int]:
    """Count what could leak, once what is ending has ended."""
    end = time.monotonic() + SETTLED
    while (after := _resources()) != before and time.monotonic() < end:
        time.sleep(PAUSE)
    return after


def _resources() -> dict[str, int]:
    return {
        "file descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "processes": len(descendants(os.getpid())),
    }


def _resident(process: int) -> int:
    """Return the bytes that a process has in memory; none if it has ended meanwhile."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _quarters(samples: list[int]) -> tuple[float, float]:
    quarter = len(samples) // 4
    return median(samples[:quarter]), median(samples[-quarter:])


def _trend(samples: list[int]) -> str:
    first, last = _quarters(samples)
    return f"{first / 1e6:.1f} MB in the first quarter, {last / 1e6:.1f} MB in the last"


def _is_flat(samples: list[int]) -> bool:
    first, last = _quarters(samples)
    return last <= first * 1.05 + SLACK


if __name__ == "__main__":
    sys.exit(main())
