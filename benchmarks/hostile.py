"""What hostile payloads cost: reading or refusing them, next to judging them by the schema alone.

    python -m benchmarks.hostile [FOLDER] [--payloads N] [--seed N] [--quick]

For each schema of a folder (default: those of `tests/integration/exactness/schemastore`) it
generates bindings and makes payloads: random ones that follow the schema, deep ones, wrong ones,
each as it is and blown up to a megabyte; empty objects, repeated keys, long numbers. `--quick`
takes one random payload for each of a few schemas. Each payload is judged in one process (the
compiled schema, with the decoding that it needs) and loaded in another. Each process does it once
before it is measured, because the first time compiles parts of the schema; that first time has a
bound of its own. Memory is measured over all times. It prints the worst, and exits with 1 if one
takes more than 20 times what judging takes plus 50 ms of processor time, or plus 32 MB, if a first
time takes a second more, or if a refusal lists more than 100 problems or has more than 64 KiB.
"""

import argparse
import importlib
import itertools
import json
import os
import random
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from scaffold.contract import InvalidInput
from scaffold.contract._payload.payload import Payload
from scaffold.contract._validation.validator import CompiledSchema
from scaffold.generator import compile_kind
from scaffold.generator._emit import emit
from scaffold.generator._source.diagnostics import SpecError

RATIO, SECONDS, MEGABYTES = 20, 0.05, 32
FIRST = 1.0
"""Seconds that the first time may take in addition."""

TIMES = 3
"""Measurements, of which the least counts: other programs disturb single ones."""

PROBLEMS, BYTES = 100, 64 << 10
LARGE = 1_000_000
QUICK_STEP = 20
"""Of so many schemas the quick form takes one."""

CORPUS = Path(__file__).parents[1] / "tests/integration/exactness/schemastore/schemas.zip"


class Cost(NamedTuple):
    """Processor time, growth of the process, and what came of it."""

    seconds: float
    first: float
    """Seconds of the first time."""
    megabytes: float
    result: str
    fault: bool = False


class Row(NamedTuple):
    """One payload of one schema."""

    over: float
    """How much of what it may cost it costs: more than 1 is too much."""
    schema: str
    size: int
    judged: Cost
    loaded: Cost

    def __str__(self) -> str:
        judged, loaded = self.judged, self.loaded
        return (
            f"{self.over:6.2f}  {self.schema[:40]:40} {self.size:>9,} B  "
            f"{judged.seconds * 1e3:8.2f} ms {loaded.seconds * 1e3:8.1f} ms "
            f"{loaded.first * 1e3:8.1f} ms  "
            f"{judged.megabytes:6.1f} MB {loaded.megabytes:6.1f} MB  {loaded.result}"
        )


class Payloads:
    """Makes payloads that follow a schema, more or less."""

    def __init__(self, document: Any, seed: int) -> None:
        self.document = document
        self.random = random.Random(seed)
        self.left = 0

    def make(self, number: int) -> Iterator[bytes]:
        """Yield payloads, each small and blown up."""
        for index in range(number):
            self.wrong = (0, 0.02, 0.3)[index % 3]
            self.left = 400
            value = self.value(self.document, 1 + index * 8 % 60)
            yield write(value)
            yield write(blown_up(value))
        yield write(dict.fromkeys((f"k{number}" for number in range(60_000)), 1))
        yield write([1] * 400_000)
        yield write([{}] * (LARGE // 3))
        yield b"{" + b",".join([b'"key":1'] * (LARGE // 8)) + b"}"
        yield b"[" + b",".join([b"9" * 4000] * (LARGE // 4001)) + b"]"
        for value in self.filled():
            yield write(value)

    def filled(self) -> Iterator[Any]:
        """Yield objects of which one property holds far too much."""
        names = (
            list(self.document.get("properties", {}))[:4] if isinstance(self.document, dict) else []
        )
        for name in names:
            yield {name: ["x" * 90] * (LARGE // 100)}
            yield {name: [{"x": 1}] * (LARGE // 8)}
            yield {name: [{}] * (LARGE // 3)}
            yield {name: {f"k{number}": {} for number in range(LARGE // 12)}}
            deep: Any = 1
            for _ in range(150):
                deep = {name: deep}
            yield deep

    def value(self, schema: Any, depth: int) -> Any:
        """Return a value that follows a schema to some depth."""
        self.left -= 1
        if self.random.random() < self.wrong:
            return self.random.choice([None, 1, "wrong", [], {}, [["wrong"]], {"wrong": 1}])
        if not isinstance(schema, dict) or self.left < 0:
            return 1
        if "$ref" in schema:
            return self.value(self.follow(schema["$ref"]), depth)
        for keyword in ("anyOf", "oneOf", "allOf"):
            if schema.get(keyword):
                members = schema[keyword] if depth > 0 else schema[keyword][:1]
                return self.value(self.random.choice(members), depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self.random.choice(schema["enum"])
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kind = self.random.choice(kinds) if isinstance(kinds, list) else kinds
        return self.single(kind, schema, depth)

    def single(self, kind: str, schema: Any, depth: int) -> Any:
        """Return a value of one type."""
        if kind == "object":
            properties = schema.get("properties", {})
            names = set(schema.get("required", ()))
            if depth > 0 and properties:
                names |= set(self.random.sample(sorted(properties), min(4, len(properties))))
            made = {
                name: self.value(properties.get(name, True), depth - 1) for name in sorted(names)
            }
            more = schema.get("additionalProperties")
            if isinstance(more, dict) and depth > 0:
                made |= {f"more{index}": self.value(more, depth - 1) for index in range(2)}
            return made
        if kind == "array":
            items = schema.get("items", True)
            return [self.value(items, depth - 1) for _ in range(2 if depth > 0 else 0)]
        return {"string": "text", "integer": 1, "number": 1.5, "boolean": True}.get(kind)

    def follow(self, reference: str) -> Any:
        """Return what a reference to a part of the document leads to."""
        found = self.document
        for step in reference.partition("#")[2].split("/")[1:]:
            found = found.get(step.replace("~1", "/").replace("~0", "~"), True)
        return found


def blown_up(value: Any) -> Any:
    """Return a value with its first container repeated until it is large."""
    times = LARGE // max(1, len(write(value)))
    if isinstance(value, list):
        return value * times
    if isinstance(value, dict) and value:
        name, part = max(value.items(), key=lambda item: len(write(item[1])))
        times = LARGE // max(1, len(write(part)))
        if isinstance(part, list):
            return {**value, name: part * times}
        if isinstance(part, dict) and part:
            first = next(iter(part.values()))
            return {**value, name: {f"{name}{index}": first for index in range(times)}}
        return {**value, name: "x" * LARGE}
    return value


def write(value: Any) -> bytes:
    """Write compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def measured(call: Callable[[], tuple[str, bool]]) -> Cost:
    """Make a call in a process of its own; return what it cost there."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write_end, json.dumps(cost_here(call)).encode())
        finally:  # what goes wrong ends this process only, not the benchmark
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return Cost(*json.loads(text)) if text else Cost(1e9, 1e9, 1e9, "died", fault=True)


def cost_here(call: Callable[[], tuple[str, bool]]) -> Cost:
    """Make a call several times in this process; return what it cost."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first, (result, fault) = timed(call)
    seconds = min(timed(call)[0] for _ in range(TIMES))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return Cost(seconds, first, grown, result, fault)


def timed(call: Callable[[], tuple[str, bool]]) -> tuple[float, tuple[str, bool]]:
    """Return the processor time of a call, and its result."""
    start = time.thread_time()
    result = call()
    return time.thread_time() - start, result


def loaded(payload: "Payload[Any]", text: bytes) -> tuple[str, bool]:
    """Load a payload; return what came of it, and whether a refusal is too long."""
    try:
        payload.load(text)
    except InvalidInput as error:
        size = len(json.dumps([str(error), error.message, error.data], ensure_ascii=False).encode())
        fault = len(error.problems) > PROBLEMS or size > BYTES
        return f"{len(error.problems)} problems, {size:,} B", fault
    return "ok", False


def rows(name: str, document: Any, number: int, seed: int) -> Iterator[Row]:
    """Measure the payloads of one schema."""
    with tempfile.TemporaryDirectory() as folder:
        payload = generated(document, Path(folder))
        judge = CompiledSchema(payload.schema).judge()
        for text in Payloads(payload.schema, seed).make(number):
            judge(text[:1])
            with suppress(InvalidInput):
                payload.load(b"[[1]]")  # what has to be imported and compiled once
            judged = measured(lambda text=text: (str(judge(text)), False))
            cost = measured(lambda text=text: loaded(payload, text))
            time_over = cost.seconds / (RATIO * judged.seconds + SECONDS)
            memory_over = cost.megabytes / (RATIO * judged.megabytes + MEGABYTES)
            first_over = cost.first / (RATIO * judged.first + SECONDS + FIRST)
            over = max(time_over, first_over, memory_over, 2.0 if cost.fault else 0)
            yield Row(over, name, len(text), judged, cost)


_numbers = itertools.count()


def generated(document: Any, folder: Path) -> "Payload[Any]":
    """Generate bindings of one hook that takes what the schema says: its input."""
    kind = f"hostile_{next(_numbers)}"
    (folder / "spec").mkdir()
    (folder / "spec" / "schema.json").write_text(json.dumps(document), encoding="utf-8")
    hook = {"name": "take", "dispatch": "singleton", "input_schema": "schema.json"}
    hook["output_schema"] = {"type": "object"}
    spec = {"kind": kind, "kind_api_version": "1.0.0", "hooks": [hook]}
    (folder / "spec" / "v1.yaml").write_text(json.dumps(spec), encoding="utf-8")
    for path, text in emit(compile_kind(folder / "spec" / "v1.yaml")).items():
        file = folder / "made" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    sys.path.insert(0, str(folder / "made"))
    importlib.invalidate_caches()
    module = importlib.import_module(f"{kind}_v1.plugin")
    sys.path.pop(0)
    payload: Payload[Any] = getattr(module, kind.upper()).hooks["take"].input
    return payload


def documents(source: Path) -> Iterator[tuple[str, Any]]:
    """Yield the schemas of a folder, or of an archive."""
    if source.is_dir():
        for path in sorted(source.glob("*.json")):
            yield path.name, json.loads(path.read_bytes())
    else:
        with zipfile.ZipFile(source) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".json"):
                    yield name, json.loads(archive.read(name))


def main() -> int:
    """Measure, print, and return 1 if something costs too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--payloads", type=int, default=6, help="random payloads of each schema")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="few payloads of few schemas")
    options = parser.parse_args()
    if options.quick:
        options.payloads = 1
    every: list[Row] = []
    skipped: list[str] = []
    source = [*documents(options.source)]
    for name, document in source[:: QUICK_STEP if options.quick else 1]:
        try:
            found = list(rows(name, document, options.payloads, options.seed))
            every += found
            print(max(found), file=sys.stderr, flush=True)
        except SpecError as error:
            skipped.append(f"{name}: {str(error).splitlines()[0]}")
    every.sort(reverse=True)
    print("cost of what it may, schema, size, time (judged, loaded, first) and memory")
    print("\n".join(map(str, every[:20])))
    bad = [row for row in every if row.over > 1]
    print(f"{len(every)} payloads, {len(bad)} of them cost too much; not loaded: {len(skipped)}")
    print("\n".join(skipped))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
