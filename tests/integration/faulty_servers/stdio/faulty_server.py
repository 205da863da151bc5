"""A stdio MCP server that misbehaves on request.

Its tools do what the argument `what` says. `--at METHOD WHAT` misbehaves at a step of the opening,
`--modern` makes it answer `server/discover`. What it gets is written to the file `$DIARY`.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

PIPE = 1 << 20


def write(text):
    """Write raw output, all of it."""
    data = text.encode() if isinstance(text, str) else text
    while data:
        data = data[os.write(1, data[:PIPE]) :]


def send(message):
    write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")


def answer(number, result):
    send({"id": number, "result": result})


def ok(number, said="ok"):
    answer(number, {"content": [], "structuredContent": {"said": said}})


def fixed(text):
    """Write exactly this, with the request's id for ID, and be silent."""
    return lambda number: write(text.replace("ID", str(number)))


def then_ok(text):
    """Write exactly this, and then the right answer."""

    def behaviour(number):
        write(text.replace("ID", str(number)))
        ok(number)

    return behaviour


def answered_as(change):
    """Answer under another id."""
    return lambda number: ok(change(number))


def silence(number):
    pass


HOOKS = ("long_timeout", "short_timeout", "medium_timeout", "repeatable")


def forever(chunk):
    def behaviour(number):
        while True:
            write(chunk)

    return behaviour


def diary():
    """Return what was written down, by this process and those before it."""
    path = Path(os.environ["DIARY"])
    return path.read_text().splitlines() if path.exists() else []


def write_down(message):
    if "DIARY" in os.environ:
        params = message.get("params", {})
        what = params.get("arguments", {}).get("what", params.get("requestId", ""))
        with Path(os.environ["DIARY"]).open("a") as file:
            file.write(f"{message['method']} {what}".strip() + "\n")


def die_the_first_time(number):
    if diary().count("tools/call dies once") == 1:
        os._exit(3)
    ok(number, "alive")


def die(number):
    sys.stderr.write("I feel faint\n")
    sys.stderr.flush()
    os._exit(3)


def die_of(which):
    return lambda number: os.kill(os.getpid(), which)


def close_output(number):
    os.close(1)
    time.sleep(3600)


def close_input(number):
    os.close(0)
    ok(number)
    time.sleep(3600)


def stop_reading(number):
    ok(number)
    time.sleep(3600)


def nap(seconds):
    return lambda number: time.sleep(seconds)


def rest_in_the_middle(number):
    line = b'{"jsonrpc":"2.0","id":%d,%b\n' % (number, GOOD.encode())
    write(line[: len(line) // 2])
    time.sleep(0.6)
    write(line[len(line) // 2 :])


def in_background(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()


def flood_stderr(number):
    def flood():
        while True:
            os.write(2, b"x" * 80 + b"\n")

    in_background(flood)
    ok(number)


def flood_stderr_line(number):
    def flood():
        while True:
            os.write(2, b"x" * 4096)

    in_background(flood)
    ok(number)


NOTE = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n'


def leave_grandchild(number):
    if os.fork():
        os._exit(4)
    time.sleep(3600)


def ignore_the_end(number):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ok(number)
    time.sleep(3600)


def ask_back(number):
    send({"id": "mine", "method": "ping"})
    reply = json.loads(sys.stdin.readline())
    send({"id": "other", "method": "roots/list"})
    refusal = json.loads(sys.stdin.readline())
    ok(number, [reply.get("id"), reply.get("result"), refusal["id"], refusal["error"]["code"]])


def long_line(size):
    def behaviour(number):
        write(f'{{"jsonrpc":"2.0","id":{number},"result":{{"structuredContent":{{"said":"')
        for _ in range(size // PIPE):
            write("x" * PIPE)
        write('"}}}\n')

    return behaviour


GOOD = '"result":{"content":[],"structuredContent":{"said":"ok"}}}'
DEEP = "[" * 100_000 + "]" * 100_000

BEHAVIOURS = {
    "ok": ok,
    "where": lambda number: ok(
        number, [str(Path.cwd()), os.environ["DIARY"], "PATH" in os.environ]
    ),
    "say": lambda number: (os.write(2, b"caf\xc3\xa9 \xff\n" + b"y" * 10_000), ok(number)),
    "pid": lambda number: ok(number, os.getpid()),
    "garbage": fixed("Loading model...\n"),
    "garbage, then ok": then_ok("Loading model...\n\n\n{}\n[]\n[1]\nnull\n"),
    "half a line": fixed('{"jsonrpc":"2.0","id":ID,"resu'),
    "half a line, then death": lambda number: (write('{"jsonrpc":'), die(number)),
    "indented": fixed('{\n "jsonrpc": "2.0",\n "id": ID,\n "result": {}\n}\n'),
    "endless line": forever("x" * PIPE),
    "long line": long_line(100 << 20),
    "another id": answered_as(lambda number: number + 1000),
    "id as string": answered_as(str),
    "id as float": fixed('{"jsonrpc":"2.0","id":ID.0,' + GOOD + "\n"),
    "id null": answered_as(lambda number: None),
    "id true": answered_as(lambda number: True),
    "no id": fixed('{"jsonrpc":"2.0",' + GOOD + "\n"),
    "error without id": fixed('{"jsonrpc":"2.0","error":{"code":-32700,"message":"what?"}}\n'),
    "error with id null": fixed(
        '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}\n'
    ),
    "answers twice": lambda number: (ok(number), ok(number, "again")),
    "answers an old id": lambda number: (ok(number - 1, "old"), ok(number)),
    "batch": fixed(
        '[{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":ID,' + GOOD + "]\n"
    ),
    "not JSON-RPC": fixed('{"id":ID,' + GOOD + "\n"),
    "result and error": fixed(
        '{"jsonrpc":"2.0","id":ID,"error":{"code":1,"message":"x"},' + GOOD + "\n"
    ),
    "neither result nor error": fixed('{"jsonrpc":"2.0","id":ID}\n'),
    "result of another type": fixed('{"jsonrpc":"2.0","id":ID,"result":7}\n'),
    "error of another type": fixed('{"jsonrpc":"2.0","id":ID,"error":"no"}\n'),
    "error": fixed('{"jsonrpc":"2.0","id":ID,"error":{"code":-32603,"message":"out of cheese"}}\n'),
    "invalid UTF-8": lambda number: write(
        b'{"jsonrpc":"2.0","id":%d,"result":{"structuredContent":{"said":"\xff\xfe"}}}\n' % number
    ),
    "deep nesting": fixed('{"jsonrpc":"2.0","id":ID,"result":' + DEEP + "}\n"),
    "not a number": fixed('{"jsonrpc":"2.0","id":ID,"result":NaN}\n'),
    "not a number, id last": fixed('{"result":NaN,"jsonrpc":"2.0","id":ID}\n'),
    "failure without reason": fixed('{"jsonrpc":"2.0","id":ID,"result":{"isError":true}}\n'),
    "failure of another type": fixed(
        '{"jsonrpc":"2.0","id":ID,"result":{"isError":true,"content":null}}\n'
    ),
    "wrong output": lambda number: answer(number, {"content": [], "structuredContent": {"sad": 1}}),
    "CRLF": fixed('{"jsonrpc":"2.0","id":ID,' + GOOD + "\r\n"),
    "silence": silence,
    "sleep": lambda number: (time.sleep(0.5), ok(number)),
    "a rest in the middle of a line": rest_in_the_middle,
    "nap": nap(0.5),
    "nap of 1 s": nap(1),
    "nap of 3 s": nap(3),
    "long nap": nap(60),
    "death": die,
    "dies once": die_the_first_time,
    "the second time a long nap": lambda number: diary() and time.sleep(60),
    "killed": die_of(signal.SIGKILL),
    "stopped": die_of(signal.SIGSTOP),
    "exit 0": lambda number: os._exit(0),
    "closes its output": close_output,
    "closes its input": close_input,
    "reads no more": stop_reading,
    "stderr flood": flood_stderr,
    "endless stderr line": flood_stderr_line,
    "notification flood": forever(NOTE * 1000),
    "notifications, then ok": then_ok(NOTE * 20_000),
    "blank lines": then_ok("\n" * 100_000),
    "leaves a grandchild": leave_grandchild,
    "ignores the end": ignore_the_end,
    "asks back": ask_back,
    "sad revision": lambda number: answer(number, {"protocolVersion": "1999-12-31"}),
    "empty result": lambda number: answer(number, {}),
    "modern, but not ours": fixed(
        '{"jsonrpc":"2.0","id":ID,"error":{"code":-32022,"message":"no","data":{"supported":["2099-01-01"]}}}\n'
    ),
    "endless pages": lambda number: answer(number, {"tools": [], "nextCursor": "more"}),
    "tools without names": lambda number: answer(number, {"tools": [{"title": "x"}]}),
}


def main(arguments):
    at, what = ("", "")
    if arguments[:1] == ["--at"]:
        at, what = arguments[1:3]
    if at == "start":
        BEHAVIOURS[what](0)
    for line in sys.stdin:
        message = json.loads(line)
        write_down(message)
        method, number = message["method"], message.get("id")
        if method == at:
            BEHAVIOURS[what](number)
        elif method == "server/discover" and "--modern" in arguments:
            answer(number, {"supportedVersions": ["2026-07-28"]})
        elif method == "initialize":
            answer(number, {"protocolVersion": "2025-03-26", "capabilities": {}})
        elif method == "tools/list":
            tools = [{"name": n, "inputSchema": {}} for n in HOOKS]
            answer(number, {"tools": tools})
        elif method == "tools/call":
            BEHAVIOURS[message["params"]["arguments"]["what"]](number)
        elif number is not None:
            send({"id": number, "error": {"code": -32601, "message": "no such method"}})


if __name__ == "__main__":
    main(sys.argv[1:])
