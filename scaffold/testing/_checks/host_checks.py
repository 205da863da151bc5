"""Checks that call in several hosts: other processes, fresh event loops, a loop that others share.

`python -m` this module makes calls in a process of its own. It reads them from stdin and writes
their outcomes to a file: stdout belongs to the plugin.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from pydantic_core import from_json, to_json

from scaffold.contract._errors.errors import ScaffoldError, TransportError
from scaffold.contract._hooks.channel import AsyncChannel, bind_any_hook_async, dump_output
from scaffold.contract._json import Json, JsonObject
from scaffold.host._runtimes.open_channel import async_open_channel
from scaffold.testing._checks.check import Finding, find_differences
from scaffold.testing._plugin.plugin_under_test import NotApplicable, PluginUnderTest
from scaffold.testing._plugin.runtimes import REAL_TIME_DOUBLES, call_outcome
from scaffold.testing._plugin.sample_calls import SampleCall

_PROCESS_TIMEOUT: Final = 120.0
_Host: TypeAlias = Callable[[PluginUnderTest, Sequence[SampleCall]], list[JsonObject]]

_MAX_PAUSE: Final = 0.2
"""Seconds for which a hook may block the event loop."""
_ATTEMPTS: Final = 5
"""A busy machine delays the loop sometimes, a blocking hook in every attempt."""
_HEARTBEAT_INTERVAL: Final = 0.01


def three_hosts(subject: PluginUnderTest) -> Iterator[Finding]:
    """Call in this process, in a process with another working directory, and in new event loops."""
    _must_be_usable(subject, 1)
    yield from _compare_hosts(
        subject,
        subject.valid_calls,
        {
            "in process": _in_process,
            "in another process": partial(_in_other_process, hash_seed="1"),
            "in a fresh event loop": _in_fresh_loops,
        },
        "take what it depends on from the input or the context, and keep no state of the process",
    )


def idempotency(subject: PluginUnderTest) -> Iterator[Finding]:
    """Call each idempotent hook twice, and once with a new plugin."""
    everything = subject.manifest.unit_of_work.idempotency_mode == "input_hash"
    hooks = subject.kind.hooks
    tried = tuple(case for case in subject.valid_calls if everything or hooks[case.hook].idempotent)
    if not tried:
        raise NotApplicable("nothing here is declared idempotent")
    with subject.opened(subject.runtime, REAL_TIME_DOUBLES) as channel:
        first, second = (subject.outcomes(channel, tried) for _ in range(2))
    with subject.opened(subject.runtime, REAL_TIME_DOUBLES) as channel:
        with_new_plugin = subject.outcomes(channel, tried)
    help_text = "make the answer depend on the input alone, or declare less"
    yield from find_differences(
        subject,
        tried,
        {"at first": first, "again": second, "as a new plugin": with_new_plugin},
        help_text,
    )


def determinism(subject: PluginUnderTest) -> Iterator[Finding]:
    """Call in two processes with different hash seeds, with fixed time and random numbers."""
    _must_be_usable(subject, 8)
    if subject.manifest.unit_of_work.idempotency_mode != "output_hash":
        raise NotApplicable("unit_of_work.idempotency_mode is not 'output_hash'")
    yield from _compare_hosts(
        subject,
        subject.valid_calls,
        {
            f"in process {number}": partial(_in_other_process, hash_seed=str(number))
            for number in (1, 2)
        },
        "take time and chance from 'context.resources', and sort what has no order",
    )


def _must_be_usable(subject: PluginUnderTest, invariant: int) -> None:
    if subject.in_process_only:
        raise NotApplicable(f"it is for use in process only: exempt from invariant {invariant}")
    # A plugin that no host can use would answer alike in all of them.
    with subject.opened("in_process"):
        return


def _compare_hosts(
    subject: PluginUnderTest,
    tried: Sequence[SampleCall],
    hosts: Mapping[str, _Host],
    help_text: str,
) -> Iterator[Finding]:
    outcomes = {where: host(subject, tried) for where, host in hosts.items()}
    yield from find_differences(subject, tried, outcomes, help_text)


def _in_process(subject: PluginUnderTest, tried: Sequence[SampleCall]) -> list[JsonObject]:
    return [call_outcome(partial(subject.call_new_plugin, case)) for case in tried]


def _in_fresh_loops(subject: PluginUnderTest, tried: Sequence[SampleCall]) -> list[JsonObject]:
    return [call_outcome(partial(_call_in_loop, subject, case)) for case in tried]


def _call_in_loop(subject: PluginUnderTest, case: SampleCall) -> Json:
    return asyncio.run(_once(subject, case))


async def _once(subject: PluginUnderTest, case: SampleCall) -> Json:
    hook = subject.kind.hooks[case.hook]
    channel = await async_open_channel(subject.provision(), subject.kind, "in_process")
    try:
        answered = await bind_any_hook_async(channel, hook)(case.payload)
    finally:
        await channel.aclose()
    return from_json(dump_output(hook, answered))


def _in_other_process(
    subject: PluginUnderTest, tried: Sequence[SampleCall], *, hash_seed: str
) -> list[JsonObject]:
    """Make the calls in a process of its own, in an empty folder."""
    with TemporaryDirectory(prefix="plugin-") as folder:
        work = {
            "folder": str(subject.manifest.file.absolute()),
            "cases": [[case.hook, case.payload] for case in tried],
        }
        answers = Path(folder, "answers.json")
        command = [sys.executable, "-m", "scaffold.testing._checks.host_checks", str(answers)]
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        words = _run(command, json.dumps(work).encode(), folder, env)
        if not answers.is_file():
            raise TransportError(f"it ended another process: {words}")
        listed: list[JsonObject] = from_json(answers.read_bytes())
        return listed


def _run(command: list[str], data: bytes, folder: str, env: Mapping[str, str]) -> str:
    """Run a process, and return the last line of its stderr."""
    try:
        ended = subprocess.run(
            command,
            input=data,
            cwd=folder,
            env=env,
            capture_output=True,
            timeout=_PROCESS_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it was not done in {_PROCESS_TIMEOUT:g} s"
    return " ".join(ended.stderr.decode("utf-8", "replace").strip().splitlines()[-1:])


def loop_is_free(subject: PluginUnderTest) -> Iterator[Finding]:
    """Call the hooks next to a heartbeat task in the same loop, and find its longest pause."""
    subject.must_offer("in_process")
    for hook, seconds in asyncio.run(_pauses(subject)).items():
        message = f"{hook} held the event loop for {seconds:.2f} s"
        help_text = 'await, or say execution_model = "thread_cpu_bound" with a plain def'
        yield Finding(subject.place(hook), message, help_text)


async def _pauses(subject: PluginUnderTest) -> dict[str, float]:
    """Return the hooks that block the loop, each with the seconds."""
    found: dict[str, float] = {}
    provision = subject.provision()
    channel = await async_open_channel(provision, subject.kind, "in_process")
    try:
        for case in subject.valid_calls:
            if case.hook in found:
                continue
            shortest = await _pause(channel, subject, case)
            for _ in range(_ATTEMPTS - 1):
                if shortest > _MAX_PAUSE:
                    shortest = min(shortest, await _pause(channel, subject, case))
            if shortest > _MAX_PAUSE:
                found[case.hook] = shortest
    finally:
        await channel.aclose()
    return found


async def _pause(channel: AsyncChannel, subject: PluginUnderTest, case: SampleCall) -> float:
    """Return the longest pause of the heartbeat during one call, in seconds."""
    longest = 0.0
    last = time.monotonic()

    async def beat() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(_HEARTBEAT_INTERVAL)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    heart = asyncio.create_task(beat())
    await asyncio.sleep(0)
    with suppress(ScaffoldError):
        await bind_any_hook_async(channel, subject.kind.hooks[case.hook])(case.payload)
    heart.cancel()
    return max(longest, time.monotonic() - last)


def _main() -> None:
    logging.getLogger("plugin").addHandler(logging.NullHandler())
    work = from_json(sys.stdin.buffer.read())
    subject = PluginUnderTest(Path(work["folder"]), lambda _schema: ())
    calls = [SampleCall(hook, payload, valid=True) for hook, payload in work["cases"]]
    outcomes = [call_outcome(partial(subject.call_new_plugin, case)) for case in calls]
    Path(sys.argv[1]).write_bytes(to_json(outcomes))


if __name__ == "__main__":
    _main()
