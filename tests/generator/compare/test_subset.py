"""Containment of schemas, on schemas that nobody chose."""

from hypothesis import given, settings
from hypothesis import strategies as st
from instances import instances
from jsonschema_rs import Draft202012Validator

from scaffold.generator._compare.subset.subset_check import check_subset

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from([0, 1, 2, "a", "ab", None, True, [], [1], {}, {"a": 1}])
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
LEAVES = st.one_of(
    st.just({}),
    st.builds(lambda name: {"type": name}, TYPES),
    st.builds(lambda values: {"enum": values}, st.lists(VALUES, min_size=1, max_size=3)),
    st.builds(
        lambda key, bound: {"type": "number", key: bound},
        st.sampled_from(["minimum", "exclusiveMaximum", "multipleOf"]),
        st.sampled_from([1, 2, 1.5]),
    ),
    st.builds(
        lambda key, length: {"type": "string", key: length},
        st.sampled_from(["minLength", "maxLength"]),
        st.integers(0, 2),
    ),
    st.just({"$ref": "#/$defs/t"}),
)


def around(inner):
    several = st.lists(inner, min_size=1, max_size=2)
    properties = st.dictionaries(NAMES, inner, min_size=1, max_size=2)
    return st.one_of(
        st.builds(
            lambda named, required, rest: {
                "type": "object",
                "properties": named,
                "required": required,
                **rest,
            },
            properties,
            st.lists(NAMES, max_size=1),
            st.one_of(
                st.just({}),
                st.just({"additionalProperties": False}),
                st.just({"unevaluatedProperties": False}),
                st.builds(lambda schema: {"additionalProperties": schema}, inner),
            ),
        ),
        st.builds(lambda schema: {"patternProperties": {"^a": schema}}, inner),
        st.builds(lambda schema: {"type": "array", "items": schema}, inner),
        st.builds(lambda schemas: {"prefixItems": schemas, "items": False}, several),
        st.builds(lambda schema: {"type": "array", "contains": schema}, inner),
        st.builds(
            lambda key, schemas: {"type": "array", "items": {key: schemas}},
            st.sampled_from(["anyOf", "oneOf", "allOf"]),
            several,
        ),
    )


def whole(schema):
    return {"$ref": "#/$defs/t", "$defs": {"t": schema}}


# A reference stands below a property or an item only: one that leads straight back says nothing.
SCHEMAS = around(st.recursive(LEAVES, around, max_leaves=4)).map(whole)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(SCHEMAS, SCHEMAS)
def test_what_is_proven_has_no_counterexample_and_what_is_refuted_has_one(one, two):
    both = {"$defs": {"t": {"anyOf": [one["$defs"]["t"], two["$defs"]["t"]]}}, "$ref": "#/$defs/t"}
    for inner, outer in ((one, two), (two, one), (one, both)):
        answer = check_subset(inner, outer)
        accepts = Draft202012Validator(inner).is_valid
        admits = Draft202012Validator(outer).is_valid
        assert all(accepts(value) and not admits(value) for value in answer.witnesses)
        if answer.proven:
            found = [value for value in instances(inner, outer) if accepts(value)]
            assert all(map(admits, found))
