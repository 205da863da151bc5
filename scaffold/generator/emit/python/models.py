"""The payload models: datamodel-code-generator on the bundle, printed by our templates.

It chooses types, order and forward references. Ours are the words, the defaults and the layout.
"""

import ast
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scaffold.generator import ir
from scaffold.generator.emit.python.bundle import accepts_null, bundle, is_recursive
from scaffold.generator.emit.python.hints import hint, lazy, parse
from scaffold.generator.emit.python.layout import Bracket, Row, Source, layout
from scaffold.generator.emit.python.literals import docstring, literal, note, text
from scaffold.generator.emit.python.names import Names
from scaffold.generator.emit.python.values import default

__all__ = ["declarations"]

TEMPLATES = Path(__file__).parent / "datamodel"


@dataclass(frozen=True, slots=True)
class Line:
    """A statement of a model and the docstring below it, if there is one."""

    line: str
    docstring: str


@dataclass(frozen=True, slots=True)
class RecordView:
    """What the template prints of a class."""

    header: str
    docstring: str
    fields: tuple[Line, ...]


def declarations(names: Names) -> str:
    """Write the classes and aliases of a kind, without imports."""
    if not names.kind.types:
        return ""
    declared = {names.types[item.name]: item for item in names.kind.types}
    views: dict[str, Any] = {
        "record_view": partial(_record, declared, names),
        "alias_view": partial(_alias, declared, names),
    }
    source = _generate(bundle(names), views)
    body = ast.parse(source).body
    first = next(node for node in body if not isinstance(node, ast.Import | ast.ImportFrom))
    return "\n".join(source.splitlines()[first.lineno - 1 :]).rstrip()


def _generate(schema: ir.Json, views: dict[str, Any]) -> str:
    from datamodel_code_generator import generate
    from datamodel_code_generator.config import GenerateConfig
    from datamodel_code_generator.enums import DataModelType, InputFileType
    from datamodel_code_generator.format import PythonVersion
    from datamodel_code_generator.parser import LiteralType

    config = GenerateConfig(
        input_file_type=InputFileType.JsonSchema,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        base_class="scaffold.contract.Model",
        enum_field_as_literal=LiteralType.All,
        use_type_alias=True,
        use_annotated=True,
        field_constraints=True,
        skip_root_model=True,
        use_standard_primitive_types=True,
        disable_future_imports=True,
        disable_timestamp=True,
        allow_remote_refs=False,
        settings_path=TEMPLATES,
        formatters=[],
        custom_template_dir=TEMPLATES,
        extra_template_data=defaultdict(dict, {"#all#": views}),
    )
    return str(generate(json.dumps(schema), config=config))


def _record(
    declared: dict[str, ir.Declaration], names: Names, name: str, fields: list[Any]
) -> RecordView:
    record = declared[name]
    assert isinstance(record, ir.Record)
    closed = ', extra="forbid"' if record.extra == "forbid" else ""
    return RecordView(
        f"{name}(Model{closed})",
        docstring(record.description, indent=4, otherwise=f"The object `{record.name}`."),
        tuple(
            _field(field, names.fields[record.name][field.name], _annotation(item), names)
            for field, item in zip(record.fields, fields, strict=True)
        ),
    )


def _field(field: ir.Field, name: str, annotation: ast.expr, names: Names) -> Line:
    inner, options = _options(annotation)
    source = hint(inner)
    value = None if field.required else default(field, names)
    if not field.required and value is None:
        value = "None"
        if not accepts_null(field.type, names.kind):
            source = Row(("Maybe", Bracket("[", (source,), "]", comma=False)))
    if name != field.name:
        options = (f"alias={text(field.name)}", *options)
    parts: list[Source] = [f"{name}: ", _annotated(source, options)]
    if value is not None:
        parts += [" = ", value]
    prose = [field.description, "Deprecated." if field.deprecated else ""]
    return Line(layout(Row(tuple(parts)), 4), _note("\n\n".join(filter(None, prose)), 4))


def _alias(declared: dict[str, ir.Declaration], names: Names, name: str, fields: list[Any]) -> Line:
    alias = declared[name]
    assert isinstance(alias, ir.Alias)
    inner, options = _options(_annotation(fields[0]))
    words = _note(alias.description, 0)
    if is_recursive(alias, names.kind):
        call = Bracket("TypeAliasType(", (text(name), lazy(inner)), ")")
        return Line(layout(Row((f"{name} = ", call))), words)
    # A name for `None` is the class: `None` itself is no type when it is passed to a hook.
    source = "NoneType" if alias.type == ir.Null() else hint(inner)
    return Line(layout(Row((f"{name}: TypeAlias = ", _annotated(source, options)))), words)


def _note(prose: str, indent: int) -> str:
    return note(prose, indent=indent) if prose.strip() else ""


def _annotated(source: Source, options: tuple[str, ...]) -> Source:
    if not options:
        return source
    return Row(("Annotated", Bracket("[", (source, Bracket("Field(", options, ")")), "]")))


def _annotation(field: Any) -> ast.expr:
    # A field of datamodel-code-generator's: `annotated` is there when it says more than the type.
    return parse(field.annotated or field.type_hint)


def _options(annotation: ast.expr) -> tuple[ast.expr, tuple[str, ...]]:
    match annotation:
        case ast.Subscript(ast.Name("Annotated"), ast.Tuple([inner, ast.Call(_, [], words)])):
            options = (f"{word.arg}={literal(ast.literal_eval(word.value))}" for word in words)
            return inner, tuple(options)
        case _:
            return annotation, ()
