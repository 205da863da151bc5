"""Types are spelled as datamodel-code-generator spells them: it knows more schemas than we do."""

import re

from oracle import annotations, second_opinion

from scaffold.generator import compile_kind
from scaffold.generator._emit import emit
from scaffold.generator._emit.python.names import PythonNames
from scaffold.generator._emit.python.template_views import with_named_payloads


def test_every_property_has_the_type_that_an_older_generator_gives_it(hookspec):
    kind = with_named_payloads(compile_kind(hookspec))
    names = PythonNames(kind)
    ours = annotations(emit(kind).get(f"{names.package}/models.py", ""))
    theirs = annotations(second_opinion(names)) if kind.types else {}
    assert {name: _without_nullable_tag(each) for name, each in ours.items()} == theirs


def _without_nullable_tag(annotation):
    # It knows no tags of unions that may be null.
    return re.sub(r"(\| None) discriminator=\S+", r"\1", annotation)
