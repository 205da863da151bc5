"""The payload models: a class for every object, an alias for every other type with a name."""

from collections.abc import Container, Iterable, Iterator

from scaffold.generator import ir
from scaffold.generator._emit.python.annotations import (
    accepts_null,
    annotated,
    annotation,
    discriminator,
    field_constraints,
    references,
)
from scaffold.generator._emit.python.line_breaks import Bracket, Concat, assignment, format_source
from scaffold.generator._emit.python.literals import attribute_docstring, docstring, string_literal
from scaffold.generator._emit.python.names import PythonNames
from scaffold.generator._emit.python.value_literals import default_expression


def model_definitions(names: PythonNames) -> str:
    """Write the classes and aliases of a kind, without imports.

    A class that names what is defined below it is completed at the end; so its clients pay for
    that when they import it, and not at their first call.
    """
    later = set(names.declared)
    roles = _roles(names.kind)
    written: list[str] = []
    unfinished: list[str] = []
    for item in in_definition_order(names.kind.types):
        if isinstance(item, ir.Record):
            about = item.description or roles.get(item.name, "")
            written.append(_record(item, names, later, about))
            if not (_used(item) - {item.name}).isdisjoint(later):
                unfinished.append(f"{names.types[item.name]}.model_rebuild()")
        else:
            written.append(_alias(item, names))
        later.discard(item.name)
    if unfinished:
        written.append("\n".join(unfinished))
    return "\n\n\n".join(written)


def in_definition_order(types: Iterable[ir.Declaration]) -> Iterator[ir.Declaration]:
    """Put every alias behind what it names: it is a value, which cannot be completed later."""
    known: set[str] = set()
    waiting: list[ir.Declaration] = []
    for item in types:
        waiting.append(item)
        while ready := [
            each for each in waiting if isinstance(each, ir.Record) or _used(each) <= known
        ]:
            yield from ready
            known |= {each.name for each in ready}
            waiting = [each for each in waiting if each.name not in known]
    assert not waiting, "an alias leads back to itself with no object between"


def _used(item: ir.Declaration) -> set[str]:
    types = [item.type] if isinstance(item, ir.Alias) else [field.type for field in item.fields]
    return set[str]().union(*map(references, types))


def _roles(kind: ir.Kind) -> dict[str, str]:
    """Say of the objects that hooks take and give what they are, for want of words of their own."""
    roles: dict[str, str] = {}
    for hook in kind.hooks:
        for payload, role in ((hook.input, "takes"), (hook.output, "gives")):
            if isinstance(payload.type, ir.Reference):
                said = f"What `{hook.name}` {role}.\n\n{hook.description}".strip()
                roles.setdefault(payload.type.name, said)
    return roles


def _record(record: ir.Record, names: PythonNames, later: Container[str], about: str) -> str:
    options = ['extra="forbid"'] if record.extra == "forbid" else []
    bases = Bracket("(", ("Model", *options), ")")
    head = format_source(Concat((f"class {names.types[record.name]}", bases, ":")))
    words = docstring(about, indent=4, otherwise=f"The object `{record.name}`.")
    lines = [head, f"    {words}"]
    if record.fields:
        lines.append("")
    for field in record.fields:
        lines.append(f"    {_field(field, names.fields[record.name][field.name], names, later)}")
        prose = [field.description, "Deprecated." if field.deprecated else ""]
        lines += _note("\n\n".join(filter(None, prose)), 4)
    return "\n".join(lines)


def _field(field: ir.Field, name: str, names: PythonNames, later: Container[str]) -> str:
    source = annotation(field.type, names, later)
    value = None if field.required else default_expression(field, names)
    if not field.required and value is None:
        value = "None"
        if not accepts_null(field.type, names.declared):
            value = "ABSENT"
            source = Concat(("Maybe", Bracket("[", (source,), "]", comma=False)))
    alias = [] if name == field.name else [f"alias={string_literal(field.name)}"]
    return assignment(name, annotated(source, [*alias, *_options(field.type, names)]), value, 4)


def _alias(alias: ir.Alias, names: PythonNames) -> str:
    # A name for `None` is the class: `None` itself is not a type when it is passed to a hook.
    source = "NoneType" if alias.type == ir.Null() else annotation(alias.type, names)
    value = annotated(source, list(_options(alias.type, names)))
    line = format_source(Concat((f"{names.types[alias.name]}: TypeAlias = ", value)))
    return "\n".join([line, *_note(alias.description, 0)])


def _note(prose: str, indent: int) -> list[str]:
    return [" " * indent + attribute_docstring(prose, indent=indent)] if prose.strip() else []


def _options(type_: ir.Type, names: PythonNames) -> Iterator[str]:
    """Yield the options of pydantic that the type alone does not express."""
    yield from field_constraints(type_)
    tag = discriminator(type_, names.declared)
    if tag is not None and isinstance(type_, ir.Union):
        attributes = {
            names.fields[member.name][tag]
            for member in type_.members
            if isinstance(member, ir.Reference)
        }
        if len(attributes) == 1:
            yield f"discriminator={string_literal(attributes.pop())}"
