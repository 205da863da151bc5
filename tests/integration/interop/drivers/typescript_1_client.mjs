// The official TypeScript SDK 1.x as a client: list the tools of a server, and call one.
// The task is the one argument, the answer is printed, both as JSON; see `foreign.py`.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const task = JSON.parse(process.argv[2]);
const [command, ...args] = task.command ?? [];
const transport = task.url
  ? new StreamableHTTPClientTransport(new URL(task.url))
  : new StdioClientTransport({ command, args, cwd: task.cwd });
const client = new Client({ name: 'peer', version: '1' });
await client.connect(transport);
const { tools } = await client.listTools();
const answer = await client.callTool({ name: task.tool, arguments: task.arguments });
await client.close();
console.log(JSON.stringify({ tools, structured: answer.structuredContent }));
