"""A server written by hand, with the fault that FAULT names."""

import json
import os
import signal
import subprocess
import sys
import time

FAULT = os.environ.get("FAULT", "")


def send(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def result(message):
    params = message.get("params", {})
    match message["method"]:
        case "initialize":
            return {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "serverInfo": {"name": "careless"},
            }
        case "tools/list":
            return {
                "tools": [
                    {"name": "text_processor_demo_process", "inputSchema": {"type": "object"}}
                ]
            }
        case "tools/call" if params["name"] == "text_processor_demo_process" or FAULT == "polite":
            return {"content": [], "structuredContent": {"text": "done"}}
        case _:
            return None


def answer(line):
    if FAULT == "narrow" and len(line) > 1_000_000:
        sys.exit(1)
    try:
        message = json.loads(line)
        mark = message["id"]
        answered = result(message)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if FAULT == "brittle" and isinstance(error, ValueError):
            raise
        return
    reply = {"jsonrpc": "2.0", "id": mark}
    reply |= (
        {"error": {"code": -32601, "message": "no"}} if answered is None else {"result": answered}
    )
    send(json.dumps(reply))


if FAULT == "wrapped":
    os.environ["FAULT"] = ""
    sys.exit(
        subprocess.run([sys.executable, __file__], start_new_session=True, check=False).returncode
    )
if FAULT == "noisy":
    send("careless 1.0 is starting")
if FAULT == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if FAULT == "parent":
    subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
for line in sys.stdin.buffer:
    answer(line)
while FAULT == "staying":
    time.sleep(1)
