"""Examples of payloads, for the documents."""

from scaffold.generator import ir
from scaffold.generator.sample import NoSampleError, sample

__all__ = ["examples"]


def examples(payload: ir.Payload) -> list[ir.Json]:
    """Return one valid value of a payload, or none if its schema gives none away."""
    try:
        return [sample(payload.schema)]
    except NoSampleError:
        return []
