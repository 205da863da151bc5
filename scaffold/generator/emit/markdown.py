"""A kind as a page for people: its hooks, payloads, errors and tools."""

import json
from dataclasses import dataclass

from scaffold.generator import ir
from scaffold.generator.emit.examples import examples
from scaffold.generator.emit.text import render

__all__ = ["emit"]

DISPATCH = {
    "singleton": "one plugin answers",
    "broadcast_collect": "every plugin answers, and the answers are collected",
    "broadcast_notify": "every plugin is told, and nothing comes back",
    "chain": "each plugin's answer is the next one's input",
    "capability": "the plugin whose capabilities fit the input answers",
}


@dataclass(frozen=True, slots=True)
class HookView:
    """What the page says of a hook."""

    name: str
    description: str
    facts: tuple[str, ...]
    input: str
    output: str
    errors: tuple[tuple[str, str], ...]
    calls: tuple[tuple[str, str], ...]
    """An input and an output, as JSON."""


@dataclass(frozen=True, slots=True)
class TypeView:
    """What the page says of a declared type."""

    name: str
    description: str
    definition: str
    """What an alias stands for; empty for an object."""
    rows: tuple[tuple[str, str, str, str], ...]
    """Property, type, whether it is required, description."""


def emit(kind: ir.Kind) -> dict[str, str]:
    """Write `<kind>_v<major>.md`."""
    text = render(
        "kind.md.jinja",
        kind=kind,
        hooks=[_hook(hook) for hook in kind.hooks],
        types=[_type(item) for item in kind.types],
    )
    return {f"{kind.name}_v{kind.major}.md": text.encode("utf-8", "replace").decode()}


def _hook(hook: ir.Hook) -> HookView:
    return HookView(
        hook.name,
        hook.description.strip(),
        tuple(_facts(hook)),
        _spell(hook.input.type) if hook.input.type else "nothing",
        _answer(hook),
        tuple((error.code, _cell(error.description)) for error in hook.errors),
        tuple(
            (_json(taken), _json([given] if hook.stream else given))
            for taken, given in zip(examples(hook.input), examples(hook.output), strict=False)
        ),
    )


def _answer(hook: ir.Hook) -> str:
    words = _spell(hook.output.type) if hook.output.type else "nothing"
    return f"stream of {words}" if hook.stream else words


def _facts(hook: ir.Hook) -> list[str]:
    facts = [f"Dispatch: `{hook.dispatch}` ({DISPATCH[hook.dispatch]})"]
    facts.append(f"MCP tool: `{hook.tool}`" if hook.exposed else "MCP tool: none")
    if hook.functions:
        facts.append(f"One tool for each function that `{hook.functions.catalogue}` lists")
    if hook.content:
        facts.append("Answers with MCP content blocks")
    if hook.stream:
        facts.append("Answers item by item; MCP clients that know no streams get a list")
    if hook.best_effort:
        facts.append("Leaves out the plugins that fail")
    if hook.read_only:
        facts.append("Changes nothing")
    if hook.idempotent:
        facts.append("May be repeated")
    if hook.timeout is not None:
        each = "Each item must come" if hook.stream else "Must answer"
        facts.append(f"{each} within {hook.timeout:g} s")
    if hook.since is not None:
        facts.append(f"Since {_cell(hook.since)}")
    if hook.deprecated is not None:
        facts.append(f"Deprecated: {_cell(hook.deprecated)}")
    return facts


def _type(item: ir.Declaration) -> TypeView:
    if isinstance(item, ir.Alias):
        return TypeView(item.name, item.description.strip(), _spell(item.type), ())
    rows = ((f.name, _spell(f.type), "yes" if f.required else "", _field(f)) for f in item.fields)
    return TypeView(item.name, item.description.strip(), "", tuple(rows))


def _field(field: ir.Field) -> str:
    notes = [_cell(field.description)]
    if field.has_default:
        notes.append(f"Default: {_code(json.dumps(field.default, ensure_ascii=False))}")
    if field.deprecated:
        notes.append("Deprecated")
    return ". ".join(note.rstrip(".") for note in notes if note)


def _spell(type_: ir.Type) -> str:
    match type_:
        case ir.Array(items):
            words = f"list of {_spell(items)}"
        case ir.Map(ir.Anything()):
            words = "object"
        case ir.Map(values):
            words = f"object of {_spell(values)}"
        case ir.Union(members):
            words = " or ".join(map(_spell, members))
        case ir.Choice(values):
            words = " or ".join(_code(json.dumps(item, ensure_ascii=False)) for item in values)
        case ir.Reference(name):
            words = f"[{name}](#{name.lower()})"
        case _:
            words = "any value" if type_ == ir.Anything() else type(type_).__name__.lower()
    return words + _bounds(type_)


def _bounds(type_: ir.Type) -> str:
    match type_:
        case ir.String(low, high):
            unit = " characters"
        case ir.Array(_, low, high):
            unit = " items"
        case ir.Integer(low, high) | ir.Number(low, high):
            unit = ""
        case _:
            return ""
    bounds = [
        f"at least {low}" if low is not None else "",
        f"at most {high}" if high is not None else "",
    ]
    said = ", ".join(bound for bound in bounds if bound)
    return f" ({said}{unit})" if said else ""


def _cell(text: str) -> str:
    # A cell of a table is one line, and a bar would end it.
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`` {_cell(text)} ``" if "`" in text else f"`{_cell(text)}`"


def _json(value: ir.Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
