"""The official Python SDK 1.x as a client: list the tools of a server, and call one.

The task is the one argument, the answer is printed, both as JSON; see `foreign.py`.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def main() -> None:
    task = json.loads(sys.argv[1])
    async with AsyncExitStack() as stack:
        if "url" in task:
            transport = streamablehttp_client(task["url"])
        else:
            program, *arguments = task["command"]
            transport = stdio_client(
                StdioServerParameters(command=program, args=arguments, cwd=task["cwd"])
            )
        streams = await stack.enter_async_context(transport)
        session = await stack.enter_async_context(ClientSession(*streams[:2]))
        await session.initialize()
        listed = await session.list_tools()
        answer = await session.call_tool(task["tool"], task["arguments"])
    tools = [tool.model_dump(mode="json", exclude_none=True) for tool in listed.tools]
    print(json.dumps({"tools": tools, "structured": answer.structuredContent}))


asyncio.run(main())
