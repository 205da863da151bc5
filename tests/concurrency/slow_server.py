"""A server in plain Python: a call of `SECONDS TEXT` is answered with TEXT after so many seconds.

`die` ends the process, `bytes TEXT` is answered with the length of the text, `forks` with the
number of calls so far, `pid` with the id of the process. `report SECONDS TEXT` reports progress
first, `signal SECONDS TEXT` sends SIGUSR1 to the parent first. `bye` is said on stderr as the
process ends.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

HOOKS = ("long_timeout", "medium_timeout", "short_timeout", "again")
out = threading.Lock()


def send(message):
    with out:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")) + "\n")
        sys.stdout.flush()


def call(message):
    params = message["params"]
    what, _, rest = params["arguments"]["what"].partition(" ")
    if what == "die":
        os._exit(9)
    if what == "report":
        token = params["_meta"]["progressToken"]
        progress = {"progressToken": token, "progress": 1}
        send({"method": "notifications/progress", "params": progress})
        what, _, rest = rest.partition(" ")
    if what == "signal":
        os.kill(os.getppid(), signal.SIGUSR1)
        what, _, rest = rest.partition(" ")
    if what == "bytes":
        said = len(rest)
    elif what == "pid":
        said = os.getpid()
    else:
        time.sleep(float(what))
        said = rest
    text = [{"type": "text", "text": json.dumps({"said": said})}]
    send({"id": message["id"], "result": {"content": text, "structuredContent": {"said": said}}})


def answer(message):
    method, number = message.get("method"), message.get("id")
    anything = {"type": "object"}
    if method == "initialize":
        capabilities = {"tools": {}}
        server = {"name": "long_timeout", "version": "1"}
        greeting = {"protocolVersion": "2025-06-18", "capabilities": capabilities}
        send({"id": number, "result": {**greeting, "serverInfo": server}})
    elif method == "tools/list":
        schemas = {"inputSchema": anything, "outputSchema": anything}
        tools = [{"name": name, "description": name, **schemas} for name in HOOKS]
        send({"id": number, "result": {"tools": tools}})
    elif method == "tools/call":
        threading.Thread(target=call, args=(message,), daemon=True).start()
    elif number is not None:
        send({"id": number, "error": {"code": -32601, "message": "no such method"}})


if delay := os.environ.get("SLOW_AFTER"):
    if Path(delay).exists():
        time.sleep(3)
    else:
        Path(delay).touch()

for line in sys.stdin:
    try:
        answer(json.loads(line))
    except ValueError:
        send({"id": None, "error": {"code": -32700, "message": "not JSON"}})
sys.stderr.write("bye\n")
