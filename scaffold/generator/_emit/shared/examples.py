"""Examples of payloads, for the documents and the files that an author starts from."""

import json
from functools import lru_cache

from scaffold.generator import ir
from scaffold.generator._schema.samples.sample_values import NoSampleError, sample


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
