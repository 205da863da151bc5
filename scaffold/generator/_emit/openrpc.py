"""A kind as an OpenRPC 1.3 document (https://spec.open-rpc.org): one method for each hook."""

from scaffold.generator import ir
from scaffold.generator._emit.write_json import examples, json_text

FIRST_CODE = -32000
"""Where JSON-RPC lets servers number their own errors: from here downwards (§5.1)."""


def emit(kind: ir.Kind) -> dict[str, str]:
    """Write `<kind>_v<major>.openrpc.json`."""
    document = {
        "openrpc": "1.3.2",
        "info": {"title": kind.name, "version": kind.version, "description": kind.description},
        "methods": [_method(hook) for hook in kind.hooks],
        "x-digest": kind.digest,
    }
    return {f"{kind.name}_v{kind.major}.openrpc.json": json_text(document)}


def _method(hook: ir.Hook) -> ir.Json:
    method: dict[str, ir.Json] = {
        "name": hook.name,
        "description": hook.description,
        "paramStructure": "by-name",
        "params": [_content("payload", hook.input)] if hook.input.type else [],
        "result": _result(hook),
        "errors": [
            {"code": FIRST_CODE - place, "message": error.code, "data": error.description}
            for place, error in enumerate(hook.errors)
        ],
        "deprecated": hook.deprecated is not None,
        "x-dispatch": hook.dispatch,
        **({"x-stream": True} if hook.stream else {}),
        "x-exposed": hook.exposed,
        "x-tool": hook.tool,
    }
    pairs = zip(examples(hook.input), examples(hook.output), strict=False)
    method["examples"] = [
        {
            "name": "sample",
            "params": [{"name": "payload", "value": taken}] if hook.input.type else [],
            "result": {"name": "answer", "value": [given] if hook.stream else given},
        }
        for taken, given in pairs
    ]
    return method


def _result(hook: ir.Hook) -> ir.Json:
    # A stream is a list of its items to JSON-RPC, which has no streams.
    content = _content("answer", hook.output)
    if hook.stream:
        from scaffold.contract._hooks.channel import array_schema

        content["schema"] = array_schema(hook.output.schema)
    return content


def _content(name: str, payload: ir.Payload) -> dict[str, ir.Json]:
    return {"name": name, "required": True, "schema": payload.schema}
