"""A server that streams wrongly: `python servers.py FAULT`."""

import json
import sys

ITEM = {"number": 1, "text": ""}


def progress(token, number, item):
    meta = {"hookspec.scaffold/item": item}
    params = {"progressToken": token, "progress": number, "_meta": meta}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def result(call, meta, items):
    content = {"resultType": "complete", "_meta": meta, "content": []}
    return {"jsonrpc": "2.0", "id": call, "result": {**content, "structuredContent": items}}


def end(call, count):
    return result(call, {"hookspec.scaffold/items": count}, [])


FAULTS = {
    "gap": lambda call, token: [progress(token, 1, ITEM), progress(token, 3, ITEM), end(call, 2)],
    "lost": lambda call, token: [progress(token, 1, ITEM), end(call, 2)],
    "flood": lambda call, token: [
        progress(token, number, {**ITEM, "text": "x" * 1000}) for number in range(1, 2000)
    ],
    "malformed": lambda call, token: (
        [progress(token, 1, ITEM), progress(token, "2", ITEM), end(call, 2)]
    ),
    "invalid": lambda call, token: [progress(token, 1, {"number": 1}), end(call, 1)],
    "late": lambda call, token: [end(call, 0), progress(token, 1, ITEM)],
    "whole": lambda call, token: [result(call, {}, [ITEM, ITEM])],
    "no list": lambda call, token: [result(call, {}, {"items": 7})],
    "silence": lambda call, token: [progress(token, 1, ITEM)],
}


def answer(message, fault):
    call, method = message.get("id"), message["method"]
    if method == "server/discover":
        found = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
        return [{"jsonrpc": "2.0", "id": call, "result": {"resultType": "complete", **found}}]
    if method == "tools/list":
        names = ("log_reader_demo_tail", "log_reader_demo_levels", "log_reader_demo_count")
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
        return [
            {"jsonrpc": "2.0", "id": call, "result": {"resultType": "complete", "tools": tools}}
        ]
    if method == "tools/call" and message["params"]["name"].endswith("count"):
        return [{"jsonrpc": "2.0", "id": call, "result": result(call, {}, 4)["result"]}]
    if method == "tools/call":
        return FAULTS[fault](call, message["params"]["_meta"]["progressToken"])
    return []


if __name__ == "__main__":
    for line in sys.stdin:
        for message in answer(json.loads(line), sys.argv[1]):
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()
