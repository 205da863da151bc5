"""The tables of hand-made changes, and the kinds that they make."""

import json
from pathlib import Path

from scaffold.generator import compile_kind
from scaffold.generator._source.yaml_text import read_yaml

HERE = Path(__file__).parent
DISPATCH = ("singleton", "broadcast_collect", "broadcast_notify", "chain", "capability")
PARTIES = ("hosts", "plugins", "chains")
NOTHING = {"type": "object", "additionalProperties": False}
REVERSED = {"widened": "narrowed", "narrowed": "widened", "changed": "changed", "same": "same"}


def rows(name):
    return read_yaml(HERE / name, name).value


def kind_of(folder, spec):
    """Compile a hookspec given as a value."""
    path = folder / "demo" / "v1.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"kind": "demo", "kind_api_version": "1.0.0", **spec}), "utf-8")
    return compile_kind(path)


def with_schema(schema):
    """Make a hookspec that has a schema as input, as output and, in chains, as both."""
    hooks = []
    for dispatch in DISPATCH:
        both = {"input_schema": schema, "output_schema": schema}
        sides = {"input": "input_schema", "output": "output_schema"}
        hooks += [
            {
                "name": f"{dispatch}_{side}",
                "dispatch": dispatch,
                "mcp_exposed": False,
                "output_schema": NOTHING,
                **(both if dispatch == "chain" else {key: schema}),
            }
            for side, key in sides.items()
        ]
    return {"hooks": hooks}


def with_hooks(row, side):
    """Make one side of a row of `hooks.yaml`."""
    hook = {"name": "run", "dispatch": "singleton", **row.get(side, {})}
    first, more = row.get(f"{side}_hooks_first", []), row.get(f"{side}_hooks", [])
    hooks = [{"output_schema": NOTHING, **each} for each in (*first, hook, *more)]
    told = [{key: value for key, value in each.items() if value is not None} for each in hooks]
    return {"hooks": told, **row.get(f"{side}_kind", {})}
