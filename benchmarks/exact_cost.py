"""What the exact validator costs a payload, next to the same payload guarded by the model alone.

    python -m benchmarks.exact_cost

One side writes a payload and the other reads it. Both are timed with and without the second pass,
interleaved in one process; the least of many rounds counts. `extra` is what the pass adds, in
microseconds of this machine, and as a part of the call without it.
"""

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scaffold.contract import Dispatch, Hook, Json, Kind
from scaffold.generator import compile_kind
from scaffold.generator._emit import emit

ROUNDS = 60
SECONDS = 0.002
"""What a round takes."""


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "required": [name for name in properties if name != "language"],
        "additionalProperties": False,
        "properties": properties,
    }


TEXT, LOOSE = {"type": "string"}, {"type": "string", "pattern": "^(?!-)"}
"""A look-ahead is nothing that a type can say."""

ITEM = _object(
    id=TEXT,
    name=TEXT,
    count={"type": "integer"},
    price={"type": "number"},
    tags={"type": "array", "items": TEXT},
    ok={"type": "boolean"},
)
LOOSE_ITEM = {**ITEM, "properties": {**ITEM["properties"], "id": LOOSE}}
ITEMS = {
    "items": [
        {
            "id": f"id-{number:05}",
            "name": f"name {number}",
            "count": number,
            "price": number / 3,
            "tags": ["a", "b"],
            "ok": True,
        }
        for number in range(100)
    ]
}
PAYLOADS: dict[str, tuple[str, Json, Json]] = {
    "small": (
        "small, a pattern",
        _object(function=TEXT, code=LOOSE, language=TEXT),
        {"function": "greet", "code": "AB"},
    ),
    "objects": (
        "10 KB, 100 objects, a pattern in each",
        _object(items={"type": "array", "items": LOOSE_ITEM}),
        ITEMS,
    ),
    "unique": (
        "10 KB, 100 objects, `uniqueItems`",
        _object(items={"type": "array", "items": ITEM, "uniqueItems": True}),
        ITEMS,
    ),
    "tags": (
        "10 KB, 100 objects, `uniqueItems` of a list in each",
        _object(
            items={
                "type": "array",
                "items": {
                    **ITEM,
                    "properties": {
                        **ITEM["properties"],
                        "tags": {"type": "array", "items": TEXT, "uniqueItems": True},
                    },
                },
            }
        ),
        ITEMS,
    ),
    "texts": (
        "10 KB, 20 texts, a pattern",
        _object(texts={"type": "array", "items": LOOSE}),
        {"texts": ["x" * 480] * 20},
    ),
}


def _generated(folder: Path) -> Kind:
    """Generate the bindings of a hookspec with a hook for each payload, and import them."""
    hooks = [
        {"name": name, "dispatch": "broadcast_notify", "input_schema": schema}
        for name, (_, schema, _) in PAYLOADS.items()
    ]
    spec = folder / "v1.yaml"
    spec.write_text(json.dumps({"kind": "exact", "kind_api_version": "1.0.0", "hooks": hooks}))
    for path, text in emit(compile_kind(spec)).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    sys.path.insert(0, str(folder))
    kind: Kind = importlib.import_module("exact_v1").EXACT
    return kind


def _calls(exact: Any, text: bytes) -> dict[str, Callable[[], object]]:
    hook = Hook[Any, Any]("probe", Dispatch.SINGLETON, input=exact.python_type)
    assert exact.exact
    alone = hook.input
    made = alone.loader(text)
    read, read_exact, write, write_exact = alone.loader, exact.loader, alone.dumper, exact.dumper
    return {
        "read": lambda: read(text),
        "read exact": lambda: read_exact(text),
        "write": lambda: write(made),
        "write exact": lambda: write_exact(made),
    }


def _least(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Time calls in turns; return the least time of each, in microseconds."""
    least = dict.fromkeys(calls, float("inf"))
    repeats: dict[str, int] = {}
    for name, call in calls.items():
        call()
        start = time.perf_counter()
        call()
        repeats[name] = max(1, round(SECONDS / (time.perf_counter() - start)))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            least[name] = min(least[name], (time.perf_counter() - start) / repeats[name] * 1e6)
    return least


def main() -> None:
    """Print the table."""
    print("| payload | way | model alone, µs | extra, µs | extra |")
    print("|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        kind = _generated(Path(folder))
        for hook, (name, _, value) in PAYLOADS.items():
            text = json.dumps(value, separators=(",", ":")).encode()
            took = _least(_calls(kind.hooks[hook].input, text))
            for way in ("read", "write"):
                alone, extra = took[way], took[f"{way} exact"] - took[way]
                print(f"| {name} | {way} | {alone:.2f} | {extra:.2f} | {extra / alone:.0%} |")


if __name__ == "__main__":
    main()
