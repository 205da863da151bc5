"""Bindings of a kind in two minor versions, generated from `changes.yaml`, and a plugin of each."""

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

from scaffold.contract._errors.errors import HookError

HERE = Path(__file__).parent
VERSIONS = {"old": "1.0.0", "new": "1.1.0"}
NOTHING = {"type": "object", "additionalProperties": False}


@cache
def rows():
    """Return the rows of the table by hook."""
    from scaffold.generator._source.yaml_text import read_yaml

    return {row["hook"]: row for row in read_yaml(HERE / "changes.yaml", "changes.yaml").value}


def hookspec(side):
    """Return the hookspec of a version, as a value."""
    hooks = [
        {
            "name": name,
            "dispatch": row.get("dispatch", "singleton"),
            "description": "It answers.",
            "output_schema": NOTHING,
            **row[side],
        }
        for name, row in rows().items()
        if side in row
    ]
    return {"kind": "pairs", "kind_api_version": VERSIONS[side], "hooks": hooks}


def compiled(folder, spec):
    """Write a hookspec into a folder, and compile it."""
    from scaffold.generator import compile_kind

    path = folder / "pairs" / "v1.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(spec), encoding="utf-8")
    return compile_kind(path)


def write_bindings(folder):
    """Write the bindings of both versions, and a module with a plugin of each; return the kinds."""
    from scaffold.generator._emit import emit

    kinds = {side: compiled(folder / "specs" / side, hookspec(side)) for side in VERSIONS}
    for side, kind in kinds.items():
        files = emit(kind)
        files["answers.py"] = (
            "from minors.pairs import answering\n"
            "from .pairs_v1 import PairsPlugin\n"
            f'Answers = answering(PairsPlugin, "{side}")\n'
        )
        for name, text in files.items():
            path = folder / f"{side}_side" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return kinds


def bindings(side):
    """Return what a host of a version imports."""
    made = import_module(f"{side}_side.pairs_v1")
    return SimpleNamespace(
        kind=made.PAIRS, dispatcher=made.PairsDispatcher, async_dispatcher=made.AsyncPairsDispatcher
    )


def answer(row, side):
    """Return what a plugin of a version answers, as JSON; of a stream, the items."""
    told = row.get("answers", [] if row[side].get("stream") else {})
    return told[side] if isinstance(told, dict) and told.keys() == {"old", "new"} else told


def answering(base, side):
    """Return the class of a plugin that answers as the table says."""
    methods = {name: _method(hook, rows()[name], side) for name, hook in base.kind.hooks.items()}
    return type("Answers", (base,), methods)


def _method(hook, row, side):
    told = answer(row, side)

    def items(self, payload=None):
        yield from (hook.output.load(json.dumps(item)) for item in told)
        _fail(row, side)

    def one(self, payload=None):
        _fail(row, side)
        return hook.output.load(json.dumps(told))

    return items if hook.streams else one


def _fail(row, side):
    if side == "new" and "raises" in row:
        raise HookError(row["raises"], "as the table says")
