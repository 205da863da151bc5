"""Kinds made of schemas: written, generated, imported; and a plugin that echoes their payloads."""

import importlib
import json
import shutil
import sys
from decimal import Decimal
from pathlib import Path

from scaffold.contract import InvalidInput
from scaffold.generator import compile_kind
from scaffold.generator._emit import emit

__all__ = ["echo_plugin", "generate", "passes", "same", "write_spec"]

ECHO = """
from {package}.plugin import {constant} as KIND, {base} as Base


def echo(name):
    hook = KIND.hooks[name]
    if hook.input.python_type is None:
        return lambda self: None
    return lambda self, payload: hook.output.load(hook.input.dump(payload))


Echo = type(Base)("Echo", (Base,), {{name: echo(name) for name in KIND.hooks}})
"""


def write_spec(folder, kind, schemas, *, remotes=None):
    """Write a hookspec whose hooks take and give what the schemas say."""
    (folder / "schemas").mkdir(parents=True)
    hooks = []
    for hook, schema in schemas.items():
        (folder / "schemas" / f"{hook}.json").write_text(json.dumps(schema), encoding="utf-8")
        file = f"schemas/{hook}.json"
        hooks.append(
            {"name": hook, "dispatch": "singleton", "input_schema": file, "output_schema": file}
        )
    spec = {"kind": kind, "kind_api_version": "1.0.0", "hooks": hooks}
    for prefix, source in (remotes or {}).items():
        shutil.copytree(source, folder / "remotes")
        spec["remotes"] = {prefix: "remotes"}
    path = folder / "v1.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return path


def generate(hookspec, target):
    """Write the bindings of a hookspec into a folder and import them: the kind."""
    kind = compile_kind(hookspec)
    for path, text in emit(kind).items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    package = f"{kind.name}_v1"
    constant, base = kind.name.upper(), "".join(map(str.title, kind.name.split("_"))) + "Plugin"
    source = ECHO.format(package=package, constant=constant, base=base)
    (target / f"echo_{kind.name}.py").write_text(source, encoding="utf-8")
    return getattr(_import(package, target), constant)


def echo_plugin(kind, target):
    """Return the plugin that was written beside the bindings of a kind."""
    return _import(f"echo_{kind.name}", target).Echo()


def _import(name, folder: Path):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return importlib.import_module(name)


def passes(payload, text):
    """Tell whether a payload takes a text; what it takes must come out as it went in."""
    try:
        value = payload.load(text)
    except InvalidInput:
        return False
    written = payload.dump(value)
    assert same(_exact(written), _exact(text)), f"{text} came back as {written!r}"
    return True


def _exact(text):
    return json.loads(text, parse_float=Decimal)


def same(one, other):
    """Tell whether two JSON values are equal: `1` and `1.0` are, `1` and `true` are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other
