"""A kind as a page for people: its hooks, payloads, errors and tools.

Text of the hookspec stays what it formats, and cannot take the page over. Emphasis, lists, code and
links to web addresses are kept. Raw HTML, images, links of other schemes, headings and fences that
nothing closes are shown as they are written (CommonMark 0.31).

Code is left alone only where every reader finds the same code. Where it depends on lists, quotes,
tables or escapes around it, its `<` is written as `&lt;`, which then may be seen in the code.
"""

import json
import re
from dataclasses import dataclass

from scaffold.generator import ir
from scaffold.generator._emit.json_text import examples

_FENCE = re.compile(r"( {0,3})(`{3,}(?=[^`]*$)|~{3,})")
_CLOSING = re.compile(r"( {0,3})(`{3,}|~{3,})[ \t]*")
_ANY_FENCE = re.compile(r"^((?:[\s>*+-]|\d+[.)])*)(`{3,}|~{3,})")
"""A fence that may be in lists and quotes."""
_HEADING = re.compile(r"^( {0,3})(#(?=#{0,5}(?:[ \t]|$))|[=-](?=[=-]*[ \t]*$))")
_DEFINITION = re.compile(r"\]:")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_TARGET = re.compile(r"\]\((?!\s*(?:https?://|mailto:|#|[A-Za-z0-9_./-]+(?:#[\w-]*)?\s*\)))")


def block(text: str) -> str:
    """Write a description that stands for itself: several lines, formatted."""
    lines = text.strip().splitlines()
    written: list[str] = []
    plain: list[str] = []
    index = 0
    while index < len(lines):
        end = _closing(lines, index)
        if end is None:
            plain.append(_line(lines[index]))
            index += 1
        else:
            written += [*_inline(plain), *lines[index : end + 1]]
            plain = []
            index = end + 1
    return "\n".join([*written, *_inline(plain)])


def cell(text: str) -> str:
    """Write a description in one line, as in a table, where a bar would end it."""
    return _bars(_escaped(" ".join(text.split()), table=False))


def code(text: str) -> str:
    """Write a name or a value as a code span, whatever backticks are in it."""
    text = _bars(" ".join(text.split()))
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest or not text else f"`{text}`"


def comment(text: str) -> str:
    """Write text that no end of a comment is in."""
    return re.sub(r"-{2,}|[<>]", "-", " ".join(text.split()))


def _closing(lines: list[str], start: int) -> int | None:
    """Return the line that closes the fence of a line; `None` if it opens none that is closed.

    A list that a fence is in ends at a line that is indented less, and the fence with it. Such a
    fence counts as one that nothing closes.
    """
    opened = _FENCE.match(lines[start])
    if opened is None:
        return None
    indentation, mark = opened.groups()
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if line.strip() and not line.startswith((indentation, "\t")):
            return None
        closed = _CLOSING.fullmatch(line)
        if closed and closed[2][0] == mark[0] and len(closed[2]) >= len(mark):
            return index
    return None


def _line(line: str) -> str:
    """Take away what a line means at its beginning: a fence or a heading."""
    fence = _ANY_FENCE.match(line)
    if fence:
        mark = fence[2]
        return f"{fence[1]}{f'&#{ord(mark[0])};' * len(mark)}{line[fence.end() :]}"
    return _HEADING.sub(lambda found: f"{found[1]}&#{ord(found[2])};", line, count=1)


def _inline(lines: list[str]) -> list[str]:
    return [_escaped("\n".join(lines), table=True)] if lines else []


def _escaped(text: str, *, table: bool) -> str:
    """Take HTML, images and links of other schemes out of a text, and leave its code alone.

    Args:
        text: Lines that are not in a fence.
        table: True if a bar may end a cell, and with it a code span.
    """
    if not all(_is_clear(line, table=table) for line in text.split("\n")):
        return _plain(text)
    parts: list[str] = []
    end = 0
    for span in _SPAN.finditer(text):
        parts += [_plain(text[end : span.start()]), span[0]]
        end = span.end()
    return "".join([*parts, _plain(text[end:])])


def _is_clear(line: str, *, table: bool) -> bool:
    """Return whether the code spans of a line are the same wherever the line is.

    All backticks must belong to spans of this line: otherwise a span may begin in one block and end
    in another, or not be one. A backslash may take the meaning from a backtick.
    """
    return (
        "`" not in _SPAN.sub("", line)
        and "\\`" not in line
        and not (table and any("|" in span[0] for span in _SPAN.finditer(line)))
    )


def _plain(text: str) -> str:
    text = text.replace("<", "&lt;").replace("![", "&#33;[")
    return _TARGET.sub("]&#40;", _DEFINITION.sub("]&#58;", text))


def _bars(text: str) -> str:
    return text.replace("|", "\\|")


DISPATCH = {
    "singleton": "one plugin answers",
    "broadcast_collect": "every plugin answers, and the answers are collected",
    "broadcast_notify": "every plugin is called, and the host ignores the result",
    "chain": "each plugin's answer is the next one's input",
    "capability": "the plugin whose capabilities fit the input answers",
}


@dataclass(frozen=True, slots=True)
class HookSection:
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
class TypeSection:
    """What the page says of a declared type."""

    name: str
    description: str
    definition: str
    """What an alias stands for; empty for an object."""
    rows: tuple[tuple[str, str, str, str], ...]
    """Property, type, whether it is required, description."""


def emit(kind: ir.Kind) -> dict[str, str]:
    """Write `<kind>_v<major>.md`."""
    hooks = [_hook(hook) for hook in kind.hooks]
    types = [_type(item) for item in kind.types]
    rows = (f"| [`{hook.name}`](#{hook.name}) | {hook.input} | {hook.output} |\n" for hook in hooks)
    text = f"""\
<!-- Generated by scaffold from {comment(kind.source)}; do not edit. -->

# {kind.name} {kind.version}

{block(kind.description)}

| Hook | Takes | Answers |
| --- | --- | --- |
{"".join(rows)}
## Hooks
{"".join(map(_hook_section, hooks))}"""
    if types:
        text += f"""
## Types
{"".join(map(_type_section, types))}"""
    return {f"{kind.name}_v{kind.major}.md": text.encode("utf-8", "replace").decode()}


def _hook_section(hook: HookSection) -> str:
    parts = [f"### {hook.name}", hook.description, "\n".join(f"- {fact}" for fact in hook.facts)]
    if hook.errors:
        rows = (f"\n| {name} | {description} |" for name, description in hook.errors)
        parts.append(f"| Error | When |\n| --- | --- |{''.join(rows)}")
    for taken, given in hook.calls:
        parts.append(f"A call:\n\n```json\n{taken}\n```")
        parts.append(f"and an answer:\n\n```json\n{given}\n```")
    return _section(parts)


def _type_section(type_: TypeSection) -> str:
    parts = [f"### {type_.name}", type_.description, type_.definition]
    if type_.rows:
        rows = (f"\n| {code(name)} | {' | '.join(told)} |" for name, *told in type_.rows)
        parts.append(f"| Property | Type | Required | |\n| --- | --- | --- | --- |{''.join(rows)}")
    return _section(parts)


def _section(parts: list[str]) -> str:
    return "".join(f"\n{part}\n" for part in parts if part)


def _hook(hook: ir.Hook) -> HookSection:
    return HookSection(
        hook.name,
        block(hook.description),
        tuple(_facts(hook)),
        _type_text(hook.input.type) if hook.input.type else "nothing",
        _answer(hook),
        tuple((code(error.code), cell(error.description)) for error in hook.errors),
        tuple(
            (_json(taken), _json([given] if hook.stream else given))
            for taken, given in zip(examples(hook.input), examples(hook.output), strict=False)
        ),
    )


def _answer(hook: ir.Hook) -> str:
    words = _type_text(hook.output.type) if hook.output.type else "nothing"
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
        facts.append(f"Since {cell(hook.since)}")
    if hook.deprecated is not None:
        facts.append(f"Deprecated: {cell(hook.deprecated)}")
    return facts


def _type(item: ir.Declaration) -> TypeSection:
    if isinstance(item, ir.Alias):
        return TypeSection(item.name, block(item.description), _type_text(item.type), ())
    rows = (
        (f.name, _type_text(f.type), "yes" if f.required else "", _field(f)) for f in item.fields
    )
    return TypeSection(item.name, block(item.description), "", tuple(rows))


def _field(field: ir.Field) -> str:
    notes = [cell(field.description)]
    if field.has_default:
        notes.append(f"Default: {code(json.dumps(field.default, ensure_ascii=False))}")
    if field.deprecated:
        notes.append("Deprecated")
    return ". ".join(note.rstrip(".") for note in notes if note)


def _type_text(type_: ir.Type) -> str:
    match type_:
        case ir.Array(items):
            words = f"list of {_type_text(items)}"
        case ir.Map(ir.Anything()):
            words = "object"
        case ir.Map(values):
            words = f"object of {_type_text(values)}"
        case ir.Union(members):
            words = " or ".join(map(_type_text, members))
        case ir.Choice(values):
            words = " or ".join(code(json.dumps(item, ensure_ascii=False)) for item in values)
        case ir.Reference(name):
            words = f"[{name}](#{name.lower()})"
        case _:
            words = "any value" if type_ == ir.Anything() else type(type_).__name__.lower()
    return words + _bounds(type_)


def _bounds(type_: ir.Type) -> str:
    more: list[str] = []
    match type_:
        case ir.String(low, high, _, pattern):
            unit = " characters"
            more = [] if pattern is None else [f"matches {code(pattern)}"]
        case ir.Array(_, low, high):
            unit = " items"
        case ir.Number(low, high, above, below):
            unit = ""
            more = [f"more than {above}"] * (above is not None)
            more += [f"less than {below}"] * (below is not None)
        case ir.Integer(low, high):
            unit = ""
        case _:
            return ""
    bounds = [
        f"at least {low}" if low is not None else "",
        f"at most {high}" if high is not None else "",
    ]
    said = ", ".join(bound for bound in bounds if bound)
    words = ", ".join([f"{said}{unit}"] * bool(said) + more)
    return f" ({words})" if words else ""


def _json(value: ir.Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
