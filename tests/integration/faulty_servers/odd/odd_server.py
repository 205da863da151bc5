"""An MCP server with one fault: `python odd_server.py FAULT` over stdio, `--http` over HTTP.

A fault changes one part of what it answers: `part:JSON` puts members into that part, and a few are
known by name.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOOL = {"name": "echo", "description": "e", "inputSchema": {"type": "object"}}
PARTS = ("answer", "result", "tool", "tools", "list", "discover", "initialize", "error", "both")


class Server:
    """What the server answers to each message."""

    def __init__(self, fault):
        self.part, _, rest = fault.partition(":")
        self.change = json.loads(rest) if rest else None
        self.probed = False
        assert self.part in PARTS or not rest, fault

    def answer(self, message):
        """Return the lines to write for a request, without their ends."""
        number = message.get("id")
        if number is None:
            return []
        method = message["method"].replace("/", "_")
        result = getattr(self, method)(message.get("params", {}))
        if result is None:
            return []
        answer = {"jsonrpc": "2.0", "id": number, "result": result}
        if self.part == "marked":
            return [b"\xef\xbb\xbf" + encode(answer)]
        if method == "tools_call":
            answer = self.changed("answer", answer)
            if self.part == "error":
                del answer["result"]
                answer["error"] = self.change
            if self.part == "huge number":
                huge = b'"structuredContent":{"n":1e999},"content"'
                return [encode(answer).replace(b'"content"', huge)]
            if self.part == "odd line":
                return [b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"result":{}}', encode(answer)]
        return [encode(answer)]

    def changed(self, part, content):
        return {**content, **self.change} if self.part == part else content

    def server_discover(self, params):
        self.probed = True
        if self.part == "dies after the probe":
            return None
        if self.part == "dies of the probe":
            os._exit(1)
        versions = {"supportedVersions": ["2026-07-28"], "resultType": "complete"}
        if self.part in ("initialize", "legacy"):
            versions = {}
        return self.changed("discover", versions)

    def initialize(self, params):
        if self.probed and self.part == "dies after the probe":
            os._exit(1)
        info = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s"}}
        return self.changed("initialize", info)

    def tools_list(self, params):
        if self.part == "big pages":
            number = int(params.get("cursor", "0"))
            tool = {**TOOL, "description": "x" * (2 << 20)}
            return {"tools": [tool], "nextCursor": str(number + 1)}
        if self.part == "many tools":
            tools = [{**TOOL, "name": f"tool{n}"} for n in range(4000)]
            number = int(params.get("cursor", "0"))
            return {"tools": tools, "nextCursor": str(number + 1)}
        tools = [self.changed("tool", TOOL)]
        if self.part == "huge number":
            tools = [{**TOOL, "outputSchema": {"type": "object"}}]
        if self.part == "both":
            tools = [{**TOOL, "outputSchema": self.change[0]}]
        if self.part == "tools":
            tools += self.change
        return self.changed("list", {"tools": tools, "resultType": "complete"})

    def tools_call(self, params):
        content = [{"type": "text", "text": "fine"}]
        result = {"resultType": "complete", "content": content}
        if self.part == "both":
            result["structuredContent"] = self.change[1]
        return self.changed("result", result)


def encode(message):
    return json.dumps(message).encode()


def serve_http(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers["content-length"])))
            lines = server.answer(message)
            body = lines[-1] if lines else b""
            self.send_response(200 if body else 202)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def read_one_call_and_be_silent():
    """Work on a call, and read nothing meanwhile."""
    sys.stdin.readline()
    sys.stderr.write("reads no more\n")
    time.sleep(3600)


if __name__ == "__main__":
    server = Server(sys.argv[1])
    for line in sys.stdin:
        answers = server.answer(json.loads(line))
        if server.part == "silent" and '"tools/list"' in line:
            sys.stdout.buffer.write(answers[0] + b"\n")
            sys.stdout.buffer.flush()
            read_one_call_and_be_silent()
        for answer in answers:
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()
