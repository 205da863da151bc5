"""An HTTP server on a socket that spoils every other answer to a call, its head or its body."""

import contextlib
import json
import socket
import threading

from mutations import answer, generator, spoilt

HTTP_BYTES = (b"\r\n", b"\n", b"\0", b"\xff", b":", b"HTTP/1.1 100\r\n\r\n", b"content-length: -1")


class HostileHttp:
    def __init__(self, seed):
        self._chance = generator(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/mcp"
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self.url

    def __exit__(self, *_error):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _listen(self):
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as incoming, contextlib.suppress(OSError):
            while message := _message(incoming):
                reply, last = self._reply(message)
                connection.sendall(reply)
                if last:
                    return

    def _reply(self, message):
        """Return the bytes of a response, and whether the connection ends with them."""
        chance, answered = self._chance, answer(message["method"], message["id"])
        called = message["method"] == "tools/call"
        if called:
            said = message["params"]["arguments"]["number"]
            answered["result"] = {**answered["result"], "structuredContent": {"n": said}}
        body = json.dumps(answered).encode()
        spoil = called and chance.random() < 0.5
        if spoil and chance.random() < 0.7:
            body = spoilt(chance, answered).replace(b'"n":', b'"m":')
        reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        reply += b"content-length: %d\r\n\r\n%b" % (len(body), body)
        if not spoil or chance.random() < 0.7:
            return reply, False
        at = chance.randrange(60)
        return reply[:at] + chance.choice(HTTP_BYTES) + reply[at:], True


def _message(incoming):
    """Read the next request; nothing at the end, and for what has no answer."""
    length = 0
    while line := incoming.readline().strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    message = json.loads(incoming.read(length)) if length else {}
    return message if "id" in message else None
