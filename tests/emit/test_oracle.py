"""Types are spelled as datamodel-code-generator spells them: it knows more schemas than we do."""

from oracle import annotations, second_opinion

from scaffold.generator import compile_kind
from scaffold.generator.emit import emit
from scaffold.generator.emit.python.names import Names
from scaffold.generator.emit.python.views import named


def test_every_property_has_the_type_that_an_older_generator_gives_it(hookspec):
    kind = named(compile_kind(hookspec))
    names = Names(kind)
    ours = emit(kind).get(f"{names.package}/models.py", "")
    assert annotations(ours) == (annotations(second_opinion(names)) if kind.types else {})
