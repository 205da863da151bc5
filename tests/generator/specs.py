"""Hookspecs for tests, written to disk as an author would."""

import json
from pathlib import Path

from scaffold.generator import compile_kind, ir

SHAPES = Path(__file__).parent / "shapes"
"""Kinds in the shape of the public ones: `$id`s, unnamed empties, dotted tools, odd titles."""


def write_spec(folder: Path, hooks: str, **schemas: object) -> Path:
    """Write `<folder>/demo/v1.yaml` with its schema files, and return the path of the former."""
    kind = folder / "demo"
    (kind / "schemas").mkdir(parents=True, exist_ok=True)
    for name, schema in schemas.items():
        text = schema if isinstance(schema, str) else json.dumps(schema, indent=2)
        (kind / "schemas" / f"{name}.json").write_text(text, "utf-8")
    path = kind / "v1.yaml"
    path.write_text(f'kind: demo\nkind_api_version: "1.0.0"\nhooks:\n{hooks}', "utf-8")
    return path


def compile_schema(folder: Path, schema: object, **others: object) -> ir.Kind:
    """Compile a kind with one hook `run`, whose input is the schema."""
    hooks = """\
  - name: run
    dispatch: broadcast_notify
    input_schema: schemas/root.json
"""
    return compile_kind(write_spec(folder, hooks, root=schema, **others))


def declared(kind: ir.Kind) -> dict[str, ir.Declaration]:
    """Return the declarations of a kind by name."""
    return {declaration.name: declaration for declaration in kind.types}


def record(kind: ir.Kind, name: str) -> ir.Record:
    """Return a record of a kind."""
    found = declared(kind)[name]
    assert isinstance(found, ir.Record)
    return found


def alias(kind: ir.Kind, name: str) -> ir.Type:
    """Return what a name of a kind stands for."""
    found = declared(kind)[name]
    assert isinstance(found, ir.Alias)
    return found.type


def field_types(kind: ir.Kind, name: str) -> dict[str, ir.Type]:
    """Return the types of a record's fields."""
    return {field.name: field.type for field in record(kind, name).fields}
