"""The contract of a kind as one JSON document: what `contract.json` holds, and what is digested."""

import hashlib
from dataclasses import asdict, replace

from scaffold.generator import ir
from scaffold.generator._source.json_values import canonical


def contract(kind: ir.Kind) -> dict[str, ir.Json]:
    """Return the whole contract, with its digest: plain JSON, in the order to print it in."""
    return {
        "kind": kind.name,
        "version": kind.version,
        "digest": kind.digest,
        "description": kind.description,
        "in_process_only": kind.in_process_only,
        "singleton_per_runtime": kind.singleton_per_runtime,
        "hooks": {
            hook.name: {
                **_hook(hook),
                "input": _with_residual(hook.input),
                "output": _with_residual(hook.output),
            }
            for hook in kind.hooks
        },
    }


def with_digest(kind: ir.Kind) -> ir.Kind:
    """Return the kind with the digest of its contract."""
    text = canonical({**contract(kind), "digest": "", "hooks": _hooks_without_residuals(kind)})
    return replace(kind, digest=hashlib.sha256(text.encode()).hexdigest())


def _hook(hook: ir.Hook) -> dict[str, ir.Json]:
    # Only where they say something: contracts that are older than these keys keep their digest.
    streams = {"stream": True} if hook.stream else {}
    policy = {"error_policy": "best_effort"} if hook.best_effort else {}
    return {
        "dispatch": hook.dispatch,
        **streams,
        **policy,
        "description": hook.description,
        "exposed": hook.exposed,
        "tool": hook.tool,
        "functions": asdict(hook.functions) if hook.functions else None,
        "content": hook.content,
        "idempotent": hook.idempotent,
        "read_only": hook.read_only,
        "timeout": hook.timeout,
        "since": hook.since,
        "deprecated": hook.deprecated,
        "errors": [asdict(error) for error in hook.errors],
        "input": _payload(hook.input),
        "output": _payload(hook.output),
    }


def _hooks_without_residuals(kind: ir.Kind) -> dict[str, ir.Json]:
    """Return the hooks without residuals, which are not a part of the agreed contract."""
    return {hook.name: _hook(hook) for hook in kind.hooks}


def _with_residual(payload: ir.Payload) -> dict[str, ir.Json]:
    residual = {} if payload.residual is None else {"residual": payload.residual}
    return {**_payload(payload), **residual}


def _payload(payload: ir.Payload) -> dict[str, ir.Json]:
    return {
        "empty": payload.type is None,
        "object": payload.object,
        "exact": payload.exact,
        "schema": payload.schema,
    }
