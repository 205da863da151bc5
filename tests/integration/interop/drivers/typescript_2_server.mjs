// A server on the official TypeScript SDK 2.x; see `foreign.py`.

import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

function peer() {
  const server = new McpServer({ name: 'peer', version: '1' });
  server.registerTool(
    'add',
    {
      description: 'Add two numbers.',
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      outputSchema: z.object({ result: z.number() }),
    },
    ({ a, b }) => ({
      content: [{ type: 'text', text: String(a + b) }],
      structuredContent: { result: a + b },
    }),
  );
  return server;
}

if (process.argv[2] === 'stdio') {
  serveStdio(peer);
} else {
  const http = createServer(toNodeHandler(createMcpHandler(peer)));
  http.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${http.address().port}/mcp`));
}
