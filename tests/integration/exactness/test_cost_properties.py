"""The memory and the work of reading and refusing, for schemas and payloads at random.

Both are counted and not timed: bytes that Python allocated at most, and calls of functions.
"""

import sys
import tracemalloc
from contextlib import suppress

import pytest
from costs import RATIO, made, text
from hypothesis import given, settings
from schema_strategies import VALUES, documents

from scaffold.contract import InvalidInput
from scaffold.contract._errors.problems import MAX_PROBLEMS
from scaffold.contract._validation.validator import CompiledSchema

MEMORY = 4 << 20
"""Bytes that a payload of a few ten thousand bytes may take in any case."""

CALLS_PER_BYTE, CALLS = 20, 250_000
LARGE = 40_000


def allocated(call, data):
    """Return the most bytes that a call held at one time."""
    tracemalloc.start()
    try:
        with suppress(InvalidInput):
            call(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def called(call, data):
    """Return how many functions a call has called, and its refusal."""
    calls, refusal = 0, None

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        call(data)
    except InvalidInput as error:
        refusal = error
    finally:
        sys.setprofile(before)
    return calls, refusal


@pytest.mark.ci
@settings(max_examples=12, deadline=None)
@given(documents(), VALUES)
def test_a_large_payload_costs_what_judging_it_costs_and_a_constant(tmp_path_factory, schema, part):
    definitions = schema.pop("$defs")
    listed = {"type": "array", "items": schema, "$defs": definitions}
    payload = made(tmp_path_factory.mktemp("kind"), listed).input
    judge = CompiledSchema(payload.schema).judge()
    data = text([part] * (LARGE // len(text(part))))
    for call in (judge, payload.load):
        with suppress(InvalidInput):
            call(data)  # imports and compiles what has to be once
    assert allocated(payload.load, data) <= RATIO * allocated(judge, data) + MEMORY
    calls, refusal = called(payload.load, data)
    assert calls <= CALLS_PER_BYTE * len(data) + CALLS
    assert refusal is None or 0 < len(refusal.problems) <= MAX_PROBLEMS
