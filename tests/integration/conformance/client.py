"""The client under test: lists the tools of the server at a URL, and calls each of them.

`python client.py URL`. The suite says in the environment what is to be called with what, if that
matters; otherwise arguments are made from the tools' own schemas.
"""

import json
import os
import sys
from typing import Any

from scaffold.client._http import HttpChannel
from scaffold.contract._errors.errors import ScaffoldError
from scaffold.kinds.tool_v1 import TOOL, ExecuteInput, Function, ToolClient

SAMPLES: dict[str, Any] = {
    "string": "x",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [],
    "object": {},
}


def sample(function: Function) -> dict[str, Any]:
    """Return arguments with every required property."""
    properties = function.parameters.get("properties", {})
    required = function.parameters.get("required", [])
    return {name: SAMPLES[properties[name].get("type", "string")] for name in required}


def present(call: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call without those that are null.

    The suite asks for a null that the tool's own schema forbids; the channel would not send it.
    """
    return {name: value for name, value in call["arguments"].items() if value is not None}


def calls(functions: list[Function]) -> list[ExecuteInput]:
    """Return the calls to make: those that the suite asks for, or one of every tool."""
    asked = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}").get("toolCalls")
    if asked is not None:
        return [ExecuteInput(function=call["name"], args=present(call)) for call in asked]
    arguments = {function.name: sample(function) for function in functions}
    if len(functions) > 1 and arguments.keys() >= {"json_schema_echo"}:
        arguments["json_schema_echo"] = {"schema": functions[0].parameters}
    return [ExecuteInput(function=name, args=args) for name, args in arguments.items()]


def main() -> None:
    failed = False
    with ToolClient(HttpChannel(sys.argv[1], kind=TOOL, plugin="peer", timeout=20)) as client:
        for call in calls(client.get_schema()):
            try:
                client.execute(call)
            except ScaffoldError as error:
                failed = True
                sys.stderr.write(f"{error}\n")
    sys.exit(failed)


main()
