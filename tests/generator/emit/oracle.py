"""What datamodel-code-generator makes of a kind's types: a second opinion on ours.

It gets all types as one plain JSON Schema, which holds structure and nothing else: no text, no
defaults, no names that Python would refuse, every property required.
"""

import ast
import json

from datamodel_code_generator import generate
from datamodel_code_generator.config import GenerateConfig
from datamodel_code_generator.enums import DataModelType, InputFileType
from datamodel_code_generator.format import PythonVersion
from datamodel_code_generator.parser import LiteralType

from scaffold.generator import ir
from scaffold.generator._emit.python.annotations import discriminator, has_literals

RUNTIME = "scaffold.contract"
PLAIN = {
    ir.Anything: {"customTypePath": f"{RUNTIME}.Json"},
    # Not as `null`: a name for it would be taken for one that may be absent.
    ir.Null: {"customTypePath": "types.NoneType"},
    ir.Boolean: {"type": "boolean"},
    ir.Integer: {"type": "integer", "customTypePath": f"{RUNTIME}.Integer"},
    ir.Number: {"type": "number", "customTypePath": f"{RUNTIME}.Number"},
    ir.String: {"type": "string"},
}
OPTIONS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "above": "exclusiveMinimum",
    "below": "exclusiveMaximum",
    "pattern": "pattern",
}


def second_opinion(names):
    """Return the source of the models that datamodel-code-generator writes."""
    definitions = {names.types[item.name]: declaration(item, names) for item in names.kind.types}
    config = GenerateConfig(
        input_file_type=InputFileType.JsonSchema,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        base_class=f"{RUNTIME}.Model",
        enum_field_as_literal=LiteralType.All,
        use_type_alias=True,
        use_annotated=True,
        field_constraints=True,
        skip_root_model=True,
        use_standard_primitive_types=True,
        disable_future_imports=True,
        disable_timestamp=True,
        allow_remote_refs=False,
        formatters=[],
    )
    return str(generate(json.dumps({"$defs": definitions}), config=config))


def declaration(item, names):
    if isinstance(item, ir.Alias):
        return schema(item.type, names, outer=True)
    attributes = names.fields[item.name]
    return {
        "type": "object",
        "required": list(attributes.values()),
        "properties": {
            attributes[field.name]: schema(field.type, names, outer=True) for field in item.fields
        },
    }


def schema(type_, names, *, outer=False):
    """Write a type; bounds and tags of what has no name would make it invent one."""
    match type_:
        case ir.Choice(values):
            return choice(type_, values)
        case ir.Array(items):
            plain = {"type": "array", "items": schema(items, names)}
        case ir.Map(ir.Anything()):
            return {"customTypePath": f"{RUNTIME}.JsonObject"}
        case ir.Map(values):
            return {"type": "object", "additionalProperties": schema(values, names)}
        case ir.Reference(name):
            return {"$ref": f"#/$defs/{names.types[name]}"}
        case ir.Union(members):
            tag = discriminator(type_, names.declared) if outer else None
            schemas = [schema(member, names) for member in members]
            if tag is None:
                return {"anyOf": schemas}
            attribute = names.fields[members[0].name][tag]
            return {"oneOf": schemas, "discriminator": {"propertyName": attribute}}
        case _:
            plain = PLAIN[type(type_)]
    given = {OPTIONS[name]: getattr(type_, name) for name in OPTIONS if hasattr(type_, name)}
    bounds = {name: bound for name, bound in given.items() if bound is not None}
    return plain | bounds if outer else dict(plain)


def choice(type_, values):
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return PLAIN[ir.Null]
    if has_literals(type_):
        return {"enum": list(values)}
    if kinds == {str}:
        return {"type": ["string", "null"] if None in values else "string"}
    return PLAIN[ir.Anything]


def annotations(source):
    """Return the type of every attribute and alias of a module, in one spelling."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
            found |= {
                f"{node.name}.{part.target.id}": plain(part.annotation, outer=True)
                for part in fields
            }
            found[node.name] = "class"
        elif isinstance(node, ast.AnnAssign) and node.target.id != "__all__":
            found[node.target.id] = plain(node.value, outer=True)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            found[node.targets[0].id] = plain(node.value.args[1], outer=True)  # TypeAliasType
    return found


def plain(node, *, outer=False):
    """Spell a type; of bounds only its own, since those of its parts would get names there."""
    match node:
        case ast.Constant(str() as quoted):
            return plain(ast.parse(quoted, mode="eval").body)
        case ast.Constant(None) | ast.Name("NoneType"):
            return "None"
        case ast.Subscript(ast.Name("Literal"), _):
            return ast.unparse(node)
        case ast.Subscript(ast.Name("Maybe"), inner):
            return plain(inner, outer=outer)
        case ast.Subscript(ast.Name("Annotated"), ast.Tuple([inner, ast.Call(_, _, words)])):
            said = sorted(ast.unparse(word) for word in words if word.arg != "alias")
            return plain(inner) + "".join(f" {word}" for word in said if outer)
        case ast.BinOp(_, ast.BitOr(), _) | ast.Subscript(ast.Name("Union" | "Optional"), _):
            members = list(dict.fromkeys(union(node)))
            return " | ".join(sorted(members, key=lambda each: each == "None"))
        case ast.Subscript(ast.Name(name), ast.Tuple(items)):
            return f"{name}[{', '.join(map(plain, items))}]"
        case ast.Subscript(ast.Name(name), item):
            return f"{name}[{plain(item)}]"
        case _:
            return ast.unparse(node)


def union(node):
    match node:
        case ast.BinOp(left, ast.BitOr(), right):
            return [*union(left), *union(right)]
        case ast.Subscript(ast.Name("Union"), ast.Tuple(items)):
            return [member for item in items for member in union(item)]
        case ast.Subscript(ast.Name("Optional"), item):
            return [*union(item), "None"]
        case ast.Constant(str() as quoted):
            return union(ast.parse(quoted, mode="eval").body)
        case _:
            return [plain(node)]
