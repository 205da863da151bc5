"""A call of a hook, to show what a change of the hook itself breaks."""

from scaffold.generator import ir
from scaffold.generator._schema.samples.sample_values import NoSampleError, sample


def example_call(hook: ir.Hook) -> ir.Json:
    """Return a valid call as JSON; without a payload if the hook takes none or none was found."""
    if hook.input.type is None:
        return {"hook": hook.name}
    try:
        return {"hook": hook.name, "payload": sample(hook.input.schema)}
    except NoSampleError:
        return {"hook": hook.name}
