"""`scaffold inspect`: show a kind as the generator sees it."""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from scaffold._cli.reporting.output import print_json_text, print_lines
from scaffold._project.config.hookspec_lookup import resolve_kind
from scaffold.generator._schema.types.enforcement import report_enforcement
from scaffold.generator.ir import Array, Kind, Payload, Reference, Type, Union


def inspect(subject: str, *, as_json: bool) -> int:
    """Print the kind that a name, a hookspec or a project stands for."""
    kind = resolve_kind(subject)
    if as_json:
        print_json_text(json.dumps(kind, default=_record, indent=2, ensure_ascii=False))
    else:
        print_lines(_summary(kind))
    return 0


def _record(node: Any) -> dict[str, Any]:
    """Write a record of the IR as JSON: it names its class, so that unions can be read back."""
    content = {key.name: getattr(node, key.name) for key in fields(node)}
    if isinstance(node, Payload):
        # These keys are documented in docs/cli.md: they stay, whatever the fields are called.
        found = report_enforcement(node)
        content["ledger"] = {
            "model": found.model,
            "schema": found.schema,
            "nobody": found.not_enforced,
        }
    return {"node": type(node).__name__, **content}


def _summary(kind: Kind) -> Iterator[str]:
    yield f"{kind.name} {kind.version}  ({kind.source}, {kind.digest[:12]})"
    yield from (f"  {line}".rstrip() for line in kind.description.strip().splitlines())
    for hook in kind.hooks:
        yield ""
        words = _words(hook.output.type)
        answer = f"stream of {words}" if hook.stream else words
        yield f"  {hook.name}({_input(hook.input)}) -> {answer}"
        yield f"    {hook.dispatch}"
        yield from (f"    {line}".rstrip() for line in hook.description.strip().splitlines())
        yield from (f"    raises {error.code}: {error.description}" for error in hook.errors)
        for side, payload in (("input", hook.input), ("output", hook.output)):
            yield from (f"    {line}" for line in _ledger(side, payload))


def _ledger(side: str, payload: Payload) -> Iterator[str]:
    """Say who enforces a payload's schema; what is left to it stands by JSON pointer."""
    if payload.exact:
        yield f"{side}: the model enforces all but what is left to the schema"
        yield from (f"  {pointer or '(the whole schema)'}" for pointer in payload.left)
    else:
        yield f"{side}: the model enforces all"
    annotations = report_enforcement(payload).not_enforced
    if annotations:
        yield f"{side}: annotations, which are not enforced"
        yield from (f"  {pointer}" for pointer in annotations)


def _input(payload: Payload) -> str:
    return "" if payload.type is None else _words(payload.type)


def _words(node: Type | None) -> str:
    match node:
        case None:
            return "nothing"
        case Reference():
            return node.name
        case Array():
            return f"list of {_words(node.items)}"
        case Union():
            return " or ".join(map(_words, node.members))
        case _:
            return type(node).__name__.lower()
