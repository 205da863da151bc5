"""What one would write by hand: lines over a pipe, and the generated models on both sides."""

import sys

from pydantic import TypeAdapter

from benchmarks.wire.bench_v1.models import EchoInput, EchoOutput


def main() -> None:
    load = TypeAdapter(EchoInput).validate_json
    dump = TypeAdapter(EchoOutput).dump_json
    write, flush = sys.stdout.buffer.write, sys.stdout.buffer.flush
    for line in sys.stdin.buffer:
        asked = load(line)
        write(dump(EchoOutput(number=asked.number, text=asked.text, items=asked.items)) + b"\n")
        flush()


if __name__ == "__main__":
    main()
