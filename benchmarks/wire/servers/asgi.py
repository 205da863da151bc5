"""The floor under every HTTP server: the smallest ASGI application that reads and answers JSON."""

from typing import Any

import orjson

from benchmarks.wire.servers.listen import serve


async def app(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    body = b""
    more = True
    while more:
        event = await receive()
        body += event["body"]
        more = event["more_body"]
    answer = orjson.dumps(orjson.loads(body))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    serve(app, lifespan="off")
