"""An MCP server that writes rubbish between its answers and spoils some: `SEED`."""

import json
import os
import sys

from mutations import PROGRESS, RESULTS, answer, generator, spoilt

chance = generator(int(sys.argv[1]))


def write(data):
    while data:
        data = data[os.write(1, data) :]


for line in sys.stdin.buffer:
    message = json.loads(line)
    if "id" not in message:
        continue
    method, number = message["method"], message["id"]
    answered = answer(method, number)
    if method != "tools/call":
        write(json.dumps(answered).encode() + b"\n")
        continue
    said = message["params"]["arguments"]["number"]
    answered["result"] = {**RESULTS[method], "structuredContent": {"n": said}}
    for _ in range(chance.randrange(3)):
        # Rubbish about no call of the client: it must harm none.
        noise = PROGRESS if chance.random() < 0.3 else answer(method, 10**9 + number)
        write(spoilt(chance, noise).replace(b'"n":', b'"m":').replace(b'"error"', b'"x"') + b"\n")
    write(json.dumps(answered).encode() + b"\n")
