"""What the exact validator costs a payload, beside the same payload that the model guards alone.

    python -m benchmarks.exact_cost

One side writes a payload and the other reads it. Both are timed with and without the second pass,
interleaved in one process; the least of many rounds counts. `extra` is what the pass adds, in
microseconds of this machine, and as a part of the call without it.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from scaffold.contract import ABSENT, Dispatch, Hook, Integer, Json, Kind, Maybe, Model, Number

ROUNDS = 60
SECONDS = 0.002
"""What a round takes."""


class Order(Model, extra="forbid"):
    """A small payload."""

    function: str
    code: str
    language: Maybe[str] = ABSENT


class Item(Model, extra="forbid"):
    """One of many."""

    id: str
    name: str
    count: Integer
    price: Number
    tags: list[str]
    ok: bool


class Page(Model, extra="forbid"):
    """A payload of many small objects."""

    items: list[Item]


class Chunks(Model, extra="forbid"):
    """A payload of a few long texts."""

    texts: list[str]


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
    id=LOOSE,
    name=TEXT,
    count={"type": "integer"},
    price={"type": "number"},
    tags={"type": "array", "items": TEXT},
    ok={"type": "boolean"},
)
PAYLOADS: dict[str, tuple[Any, Json, Json]] = {
    "small": (
        Order,
        _object(function=TEXT, code=LOOSE, language=TEXT),
        {"function": "greet", "code": "AB"},
    ),
    "10 KB, 100 objects": (
        Page,
        _object(items={"type": "array", "items": ITEM}),
        {
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
        },
    ),
    "10 KB, 20 texts": (
        Chunks,
        _object(texts={"type": "array", "items": LOOSE}),
        {"texts": ["x" * 480] * 20},
    ),
}


def _payload(form: Any, schema: Json, *, exact: bool) -> Any:
    hook = Hook[Any, Any]("probe", Dispatch.SINGLETON, input=form, exact_input=exact)
    contract = {"hooks": {"probe": {"input": {"schema": schema}}}}
    Kind("probe", "1.0.0", (hook,), digest="0", contract=contract)
    return hook.input


def _calls(form: Any, schema: Json, text: bytes) -> dict[str, Callable[[], object]]:
    alone, exact = (_payload(form, schema, exact=exact) for exact in (False, True))
    made = alone.load(text)
    return {
        "read": lambda: alone.load(text),
        "read exact": lambda: exact.load(text),
        "write": lambda: alone.dump(made),
        "write exact": lambda: exact.dump(made),
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
    for name, (form, schema, value) in PAYLOADS.items():
        took = _least(_calls(form, schema, json.dumps(value, separators=(",", ":")).encode()))
        for way in ("read", "write"):
            alone, extra = took[way], took[f"{way} exact"] - took[way]
            print(f"| {name} | {way} | {alone:.2f} | {extra:.2f} | {extra / alone:.0%} |")


if __name__ == "__main__":
    main()
