"""Kinds of one hook, made of a schema and imported; and the processor time that a call costs."""

import itertools
import json
import os
import resource
import time
from contextlib import suppress

from boundary import generate, write_spec

from scaffold.contract import HookError

__all__ = ["FIXED", "MEGABYTES", "RATIO", "expressions", "grown", "made", "nested", "spent", "text"]

RATIO = 20
"""How many times as much as judging a payload, reading or refusing it may cost."""

FIXED = 0.5
"""Seconds that it may cost in any case: ten times what the benchmark allows, for busy machines."""

MEGABYTES = 32
"""Memory that it may cost in any case."""

_numbers = itertools.count()


def made(tmp_path, schema):
    """Generate a kind whose hook takes and gives what a schema says: the hook."""
    name = f"cost_{next(_numbers)}"
    folder = tmp_path / name
    return generate(write_spec(folder / "spec", name, {"echo": schema}), folder / "made").hooks[
        "echo"
    ]


def spent(call, *arguments):
    """Return what a call returned or raised, and the seconds that this thread was at work."""
    start = time.thread_time()
    try:
        result = call(*arguments)
    except (ValueError, HookError) as error:
        result = error
    return result, time.thread_time() - start


def grown(call, *arguments):
    """Return by how many megabytes a call lets a process grow: a fork of this one."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with suppress(ValueError, HookError):
                call(*arguments)
            more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            os.write(write_end, str(more).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        more = pipe.read()
    os.waitpid(child, 0)
    return int(more) / 1024


def node(tag):
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["op", "arg"],
        "properties": {"op": {"const": tag}, "arg": {"$ref": "#/$defs/Expr"}},
    }


def expressions():
    """Return the schema of expressions that have a tag: each level doubles the ways to read it."""
    members = [{"type": "integer"}, node("not"), node("neg")]
    return {
        "type": "object",
        "required": ["e"],
        "properties": {"e": {"$ref": "#/$defs/Expr"}},
        "$defs": {"Expr": {"oneOf": members}},
    }


def nested(depth, innermost, wrap):
    """Return a value in so many others."""
    value = innermost
    for _ in range(depth):
        value = wrap(value)
    return value


def text(value):
    """Write a value as compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
