"""The official Python SDK 2.x as a client: list the tools of a server, and call one.

The task is the one argument, the answer is printed, both as JSON; see `foreign.py`.
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    task = json.loads(sys.argv[1])
    if "url" in task:
        server = task["url"]
    else:
        program, *arguments = task["command"]
        server = stdio_client(
            StdioServerParameters(command=program, args=arguments, cwd=task["cwd"])
        )
    mode = {"initialize": "legacy"}.get(task["era"], task["era"])
    async with Client(server, mode=mode) as client:
        listed = await client.list_tools()
        answer = await client.call_tool(task["tool"], task["arguments"])
    tools = [
        tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools
    ]
    print(json.dumps({"tools": tools, "structured": answer.structured_content}))


asyncio.run(main())
