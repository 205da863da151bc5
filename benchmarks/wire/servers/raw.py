"""The floor under every stdio server: a line in, a line out, and nothing in between."""

import sys

import orjson


def main() -> None:
    write, flush = sys.stdout.buffer.write, sys.stdout.buffer.flush
    for line in sys.stdin.buffer:
        write(orjson.dumps(orjson.loads(line)) + b"\n")
        flush()


if __name__ == "__main__":
    main()
