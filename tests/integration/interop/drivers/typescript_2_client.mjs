// The official TypeScript SDK 2.x as a client: list the tools of a server, and call one.
// The task is the one argument, the answer is printed, both as JSON; see `foreign.py`.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const task = JSON.parse(process.argv[2]);
const [command, ...args] = task.command ?? [];
const transport = task.url
  ? new StreamableHTTPClientTransport(new URL(task.url))
  : new StdioClientTransport({ command, args, cwd: task.cwd });
const mode = task.era === 'initialize' ? 'legacy' : { pin: task.era };
const client = new Client({ name: 'peer', version: '1' }, { versionNegotiation: { mode } });
await client.connect(transport);
const { tools } = await client.listTools();
const answer = await client.callTool({ name: task.tool, arguments: task.arguments });
await client.close();
console.log(JSON.stringify({ tools, structured: answer.structuredContent }));
