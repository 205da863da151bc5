"""A plugin of the benchmarks' kind; `python -m scaffold.server` serves it."""

from typing_extensions import override

from benchmarks.wire.bench_v1 import (
    BenchPlugin,
    EchoExactInput,
    EchoExactOutput,
    EchoInput,
    EchoOutput,
)


class EchoPlugin(BenchPlugin):
    """Answers with what it was asked."""

    @override
    def echo(self, payload: EchoInput) -> EchoOutput:
        return EchoOutput(number=payload.number, text=payload.text, items=payload.items)

    @override
    def echo_exact(self, payload: EchoExactInput) -> EchoExactOutput:
        return EchoExactOutput(number=payload.number, text=payload.text, items=payload.items)
