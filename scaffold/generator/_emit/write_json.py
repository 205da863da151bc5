"""JSON in documents and files: how it is written, and an example of a payload."""

import json
from functools import lru_cache

from msgspec.json import format as indented

from scaffold.generator import ir
from scaffold.generator._schema.samples.sample_values import NoSampleError, sample
from scaffold.generator.ir import Json


def json_text(value: Json) -> str:
    """Write JSON to be read by people; half a surrogate pair, which no file can hold, escaped."""
    # `json` indents slowly, and msgspec writes numbers differently: `json` writes, msgspec indents.
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value)
    return f"{indented(text, indent=2)}\n"


def examples(payload: ir.Payload) -> tuple[ir.Json, ...]:
    """Return one valid value of a payload, or none if its schema gives none away."""
    return _examples(json.dumps(payload.schema))


@lru_cache(maxsize=16384)
def _examples(schema: str) -> tuple[ir.Json, ...]:
    # Several emitters ask for the same payloads, one after the other, and a search takes its time.
    try:
        return (sample(json.loads(schema)),)
    except NoSampleError:
        return ()
