"""Long texts, which msgspec reads: what comes of them is what pydantic makes of them, to a hair.

Looks inside: Both decoders give the same values, so only the private codec tells which of them
was used.
"""

import copy
import json
import pickle
import re
import subprocess
import sys
import weakref
from itertools import count
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from boundary import generate, passes, write_spec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    PrivateAttr,
    RootModel,
    TypeAdapter,
    create_model,
    field_validator,
    model_validator,
)
from schema_strategies import VALUES, documents
from suite import REMOTES, required

from scaffold.contract import (
    ABSENT,
    Dispatch,
    Field,
    Hook,
    Integer,
    InvalidInput,
    Json,
    JsonObject,
    Kind,
    Maybe,
    Model,
    Number,
)
from scaffold.contract._fast_decode import long_texts, struct_types
from scaffold.contract._payload import codecs
from scaffold.contract._payload.typed_json import TypedJson
from scaffold.contract._unions.choice_guard import fail_fast_validator

REQUIRED = required()
NUMBERS = count()


class Place(Model, extra="forbid"):
    x: Number
    y: Number = 0


class Thing(Model):
    """Has one of everything."""

    id: Integer
    text: Annotated[str, Field(min_length=1, max_length=4)]
    class_: Annotated[str, Field(alias="class")]
    share: Annotated[Number, Field(ge=0, lt=1.5)]
    rank: Annotated[Integer, Field(gt=-3, le=10**6)]
    flag: bool
    nothing: None
    choice: Literal["red", "green"] | None
    size: Literal[1, 2, 3]
    tags: Annotated[list[str], Field(max_length=3)]
    grid: list[list[Integer]]
    limits: dict[str, Number]
    place: Place
    places: list[Place]
    named: dict[str, Place | None]
    other: Maybe[Place] = ABSENT
    maybe: Maybe[str] = ABSENT
    either: Annotated[str | None, Field(alias="x y")] = None
    most: Integer = 7
    notes: list[str] = Field(default=["a"])
    corners: list[Place] = Field(default=[])


THING = {
    "id": 1,
    "text": "text",
    "class": "A",
    "share": 0.5,
    "rank": 3,
    "flag": True,
    "nothing": None,
    "choice": "red",
    "size": 2,
    "tags": ["a", "\U0001f600"],
    "grid": [[1], [], [2, 3]],
    "limits": {"low": 0, "": 1.5, "é": -0.0},
    "place": {"x": 1, "y": 2},
    "places": [{"x": 1.5}, {"y": 1, "x": 10**20}],
    "named": {"a": {"x": 1}, "b": None},
}
MORE = {
    "other": {"x": 1},
    "maybe": "",
    "x y": "e",
    "most": 8,
    "notes": [],
    "corners": [{"x": 1}, {"x": 2, "y": 3}],
}


@pytest.fixture(autouse=True)
def every_text_is_long(monkeypatch):
    """Let msgspec read what it can, whether that is faster or not."""
    monkeypatch.setattr(codecs, "LONG_TEXT_BYTES", 0)
    monkeypatch.setattr(long_texts, "MIN_COMMAS", 0)
    monkeypatch.setattr(struct_types, "MODEL_COST", -1000)


def guard_of(form: object) -> Any:
    hook = Hook[Json, Json]("probe", Dispatch.SINGLETON, input=form)
    described = {"empty": False, "object": False, "exact": False, "schema": {}}
    Kind("probe", "1.0.0", (hook,), digest="0", contract={"hooks": {"probe": {"input": described}}})
    return hook.input


def decoder_of(guard):
    """Return what msgspec makes of a text, or `None` for one that it leaves to pydantic."""
    return long_texts.fast_decoder(guard._typed.adapter.core_schema, lambda _text: None)


def facts(value: Any) -> Any:
    """All that there is to know of a value: types, order, what was set."""
    if isinstance(value, BaseModel):
        members = [(name, facts(part)) for name, part in vars(value).items()]
        inside = value.model_fields_set, facts(value.model_extra), value.__pydantic_private__
        return type(value), members, inside
    if isinstance(value, list):
        return list, [facts(item) for item in value]
    if isinstance(value, dict):
        return dict, [(name, facts(part)) for name, part in value.items()]
    return type(value), repr(value)


def outcome(load, text):
    """What reading a text comes to: a value, or what a refusal says."""
    try:
        return facts(load(text))
    except InvalidInput as refusal:
        return refusal.problems, refusal.rest


def by_pydantic(checked):
    """Return what reads with pydantic alone, which ends at the first wrong item of a list, too."""
    if checked.python_type is None:
        return checked.load
    typed = TypedJson(checked.python_type, lambda _text: None)
    typed.adapter = checked._typed.adapter
    core_schema = typed.adapter.core_schema
    typed.read = typed._by_alias(fail_fast_validator(core_schema, typed._config).validate_json)
    if checked.exact:
        return codecs.checked_loader(typed, checked._reports, lambda: checked._accepts)
    return codecs.trusted_loader(typed, checked._reports)


def differs(guard, text):
    """Tell whether msgspec reads a text otherwise than pydantic does."""
    swift = outcome(guard.load, text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codecs, "LONG_TEXT_BYTES", sys.maxsize)
        return swift != outcome(by_pydantic(guard), text)


THINGS = guard_of(list[Thing])


def read(text):
    return decoder_of(THINGS)(text)


@pytest.mark.parametrize("left_out", [None, *MORE])
def test_a_model_is_what_pydantic_makes_of_the_text(left_out):
    more = {name: value for name, value in MORE.items() if name != left_out}
    text = json.dumps([{**THING, **more}, THING, {**more, **THING}]).encode()
    assert read(text) is not None
    assert not differs(THINGS, text)


def test_what_is_absent_has_its_default_and_its_own_copy_of_it():
    first, second = THINGS.load(json.dumps([THING, THING]))
    assert first.model_fields_set == second.model_fields_set == {*THING, "class_"} - {"class"}
    assert (first.maybe, first.most, first.notes, first.corners) == (None, 7, ["a"], [])
    first.notes.append("b")
    first.model_fields_set.add("notes")
    first.model_extra["more"] = 1
    assert (second.notes, second.model_extra) == (["a"], {})
    assert "notes" not in second.model_fields_set
    assert THINGS.load(json.dumps([THING]))[0].notes == ["a"]


def test_a_model_can_do_all_that_a_model_can():
    text = json.dumps([{**THING, **MORE}]).encode()
    (made,), (known,) = read(text), THINGS._typed.read(text)
    assert made == known
    assert repr(made) == repr(known)
    assert made.model_dump_json() == known.model_dump_json()
    assert made.model_dump(exclude_unset=True) == known.model_dump(exclude_unset=True)
    for again in (pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made)):
        assert facts(again) == facts(known)
    assert weakref.ref(made)() is made
    made.id = 2
    assert made.model_copy(update={"id": 1}) == known
    assert THINGS.dump([made]) == THINGS.dump(THINGS.load(THINGS.dump([made])))


ODD = [
    *(b"1.0 1e2 -0 -0.0 0.0 01 1e23 1e400 -1e400 1. .5 5. 1e - +1 0x1 true false null").split(),
    *(b"9223372036854775808 18446744073709551616 9007199254740993 9007199254740993.0").split(),
    *(b"0.1 2.2250738585072011e-308 1.7976931348623159e308 5e-324 1e-400 NaN Infinity").split(),
    *(b"-Infinity 123456789012345678901234567890.5").split(),
    *(b"1" * 30, b"-" + b"9" * 25, b"1" * 400, b"1" * 4301, b"[]", b"{}", b"[1]", b'{"x":1}'),
    *(b'""', b'"a"', b'"abcde"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"a\x01b"'),
    *(b'"a\nb"', b'"a\x7f"', b'"\\x"', b'"\\/"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"'),
    *('"éééé"'.encode(), '"\U0001f600\U0001f600\U0001f600\U0001f600\U0001f600"'.encode()),
    *(b"[" * 500, b"[" * 500 + b"]" * 500, b"[" * 100_000, b'{"a":' * 100_000),
]


@pytest.mark.parametrize("odd", ODD, ids=count())
def test_an_odd_value_is_read_and_refused_as_ever_wherever_it_stands(odd):
    for name in (*THING, *MORE, "undeclared"):
        members = {**THING, **MORE, name: "ODD"}
        assert not differs(THINGS, json.dumps([members]).encode().replace(b'"ODD"', odd))
    assert not differs(guard_of(dict[str, Number]), b'{"a":%b}' % odd)
    assert not differs(guard_of(Number), odd)


WHOLE = json.dumps([THING]).encode()


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b" ", WHOLE + b" ", b" " + WHOLE, WHOLE + b"x", WHOLE + b"\0", WHOLE[:-1]),
        *(b"\xef\xbb\xbf" + WHOLE, b"{}", b"[[]]", WHOLE.replace(b"}", b",}"), b"[1,]"),
        *(WHOLE.replace(b",", b",%b" % space) for space in (b"\t\r\n", b"\x0b", b"\x0c", b"\0")),
        WHOLE.replace(b'"flag"', b'"fl\\u0061g"'),
        WHOLE.replace(b'"flag"', b'"\\ud800"'),
        WHOLE.replace(b'"flag"', b'"fl\xff"'),
        WHOLE.replace(b'"class"', b'"class_"'),
        WHOLE.replace(b'"flag"', b'"Flag"'),
        WHOLE.replace(b"[{", b'[{"id":"x",'),
        WHOLE.replace(b"}]", b',"id":2}]'),
        WHOLE.replace(b'"low": 0', b'"low": 0, "low": 1, "a": 2, "low": 3'),
        WHOLE.replace(b'"y"', b'"z"'),
        WHOLE.replace(b"]", b"] // a comment"),
    ],
)
def test_an_odd_text_is_read_and_refused_as_ever(text):
    assert not differs(THINGS, text)


LEAVES = [
    (str, st.text(max_size=4)),
    (Annotated[str, Field(min_length=2)], st.text(max_size=4)),
    (Annotated[str, Field(max_length=2)], st.text(max_size=4)),
    (bool, st.booleans()),
    (Integer, st.integers()),
    (Annotated[Integer, Field(ge=-5)], st.integers(-7, 10)),
    (Annotated[Integer, Field(gt=0.5, lt=2**62)], st.integers(-1, 3) | st.integers()),
    (Annotated[Integer, Field(ge=2**63, le=2**70)], st.integers()),
    (Number, st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
    (Annotated[Number, Field(ge=-1, le=0.1)], st.sampled_from([-1, -1.0, 0, -0.0, 0.1, 0.2])),
    (Annotated[Number, Field(gt=-1, lt=2**53 + 1)], st.sampled_from([-1, 0, 2.0**53, 2**53])),
    (int, st.integers()),
    (Annotated[int, Field(gt=1)], st.integers(0, 4)),
    (float, st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)),
    (Annotated[float, Field(lt=1)], st.sampled_from([0.5, 1, 1.0, 2, 0])),
    (None, st.none()),
    (Literal["a", "b"], st.sampled_from(["a", "b", "b", "c"])),
    (Literal[1, "1", -1], st.sampled_from([1, "1", -1, 2])),
]


def lists_of(part):
    form, values = part
    return st.sampled_from(
        [
            (list[form], st.lists(values, max_size=3)),
            (
                Annotated[list[form], Field(min_length=1, max_length=2)],
                st.lists(values, max_size=3),
            ),
            (dict[str, form], st.dictionaries(st.text(max_size=3), values, max_size=3)),
            (form | None if form is not None else form, st.none() | values),
        ]
    )


NAMES = ["a", "b", "content_type", "class_", "copy_", "x1"]
ALIASES = {"content_type": "content-type", "class_": "class"}


@st.composite
def models_of(draw, parts):
    fields, required, optional = {}, {}, {}
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=5, unique=True)):
        form, values = draw(parts)
        alias = ALIASES.get(name, name)
        if alias != name:
            form = Annotated[form, Field(alias=alias)]
        if draw(st.booleans()):
            fields[name] = (form, ...)
            required[alias] = values
        else:
            fields[name] = (form, draw(st.sampled_from([None, 1, "x"])))
            if draw(st.booleans()):
                fields[name] = (form, Field(default=[{"a": []}]))
            optional[alias] = values
    extra = {"extra": draw(st.sampled_from(["allow", "forbid"]))}
    model = create_model("Made", __base__=Model, __cls_kwargs__=extra, **fields)
    return model, st.fixed_dictionaries(required, optional=optional)


PARTS = st.recursive(
    st.sampled_from(LEAVES),
    lambda parts: parts.flatmap(lists_of) | models_of(parts),
    max_leaves=8,
)
TOKENS = re.compile(rb'-?\d[\d.e+-]*|"[^"\\]*"|null|true|false')


@settings(max_examples=75, deadline=None, suppress_health_check=[*HealthCheck])
@given(part=models_of(PARTS) | PARTS, data=st.data())
def test_any_text_of_any_type_is_read_and_refused_as_pydantic_does(part, data):
    form, values = part
    guard = guard_of(type(None) if form is None else form)
    for _ in range(4):
        text = json.dumps(data.draw(values), ensure_ascii=data.draw(st.booleans())).encode()
        assert not differs(guard, text), text
        tokens = list(TOKENS.finditer(text))
        if tokens:
            token = data.draw(st.sampled_from(tokens))
            odd = data.draw(st.sampled_from(ODD[:-4]))
            wrong = text[: token.start()] + odd + text[token.end() :]
            assert not differs(guard, wrong), wrong


@pytest.mark.ci
@settings(max_examples=10, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    schemas=st.lists(documents(), min_size=8, max_size=8),
    values=st.lists(VALUES, min_size=40, max_size=40),
)
def test_any_payload_of_any_schema_is_read_and_refused_as_ever(tmp_path_factory, schemas, values):
    name, folder = f"any_long_{next(NUMBERS)}", tmp_path_factory.getbasetemp()
    hooks = {f"hook_{number}": schema for number, schema in enumerate(schemas)}
    kind = generate(write_spec(folder / "specs" / name, name, hooks), folder / "made")
    texts = [json.dumps(value).encode() for value in values]
    found = [
        (hooks[hook.name], text)
        for hook in kind.hooks.values()
        for text in texts
        if differs(hook.input, text)
    ]
    assert found == []


@pytest.mark.ci
def test_the_official_suite_is_read_and_refused_as_ever(tmp_path):
    agreed, swift = 0, 0
    for keyword, groups in REQUIRED.items():
        name = "long_" + "".join(letter for letter in keyword.lower() if letter.isalnum())
        remotes = {"http://localhost:1234/": REMOTES}
        schemas = {group.hook: group.schema for group in groups}
        spec = write_spec(tmp_path / "specs" / name, name, schemas, remotes=remotes)
        kind = generate(spec, tmp_path / "made")
        for group in groups:
            guard = kind.hooks[group.hook].input
            load = None if guard.python_type is None else decoder_of(guard)
            for case in group.cases:
                text = case.text.encode()
                agreed += passes(guard, text) is case.valid and not differs(guard, text)
                swift += load is not None and load(text) is not None
    assert agreed == 1299
    assert swift > 50  # the suite is about types less than about what no type enforces


T = TypeVar("T")


class Tree(Model):
    children: list["Tree"]


class Checked(Thing):
    @field_validator("text")
    @classmethod
    def shout(cls, text: str) -> str:
        return text.upper()


class CheckedAsAWhole(Thing):
    @model_validator(mode="after")
    def renumber(self) -> "CheckedAsAWhole":
        self.id = -self.id
        return self


class Initialised(Thing):
    def __init__(self, **members: Any) -> None:
        super().__init__(**{**members, "id": 0})


class New(Thing):
    def __new__(cls, **_members: Any) -> Any:
        made = super().__new__(cls)
        weakref.finalize(made, print)
        return made


class Finished(Thing):
    def model_post_init(self, _context: object) -> None:
        self.text = self.text.upper()


class Private(Thing):
    _made: list[int] = PrivateAttr(default_factory=list)


class Stripped(Thing):
    model_config = ConfigDict(str_strip_whitespace=True)


class Dropping(Model, extra="ignore"):
    x: Integer


class Box(Model, Generic[T]):
    content: T


class Cat(Model):
    kind: Literal["cat"]


class Dog(Model):
    kind: Literal["dog"]


class Many(RootModel[list[str]]):
    pass


def shout(text: str) -> str:
    return text.upper()


LEFT_TO_PYDANTIC = [
    *(Json, JsonObject, list, list[Json], dict[str, Json]),  # how deep they may go differs
    *(Tree, list[Tree]),
    *(Cat | Dog, Annotated[Cat | Dog, Field(discriminator="kind")], str | Integer, int | str),
    *(Checked, CheckedAsAWhole, Initialised, New, Finished, Private, Stripped, Many),
    list[Checked],
    Annotated[str, Field(pattern="^a")],
    Annotated[Integer, Field(multiple_of=2)],
    Annotated[Integer, Field(le=2**64)],
    Annotated[Number, Field(le=2**53 + 1)],
    Annotated[dict[str, str], Field(min_length=1)],
    Literal["a", True],
    dict[int, str],
    tuple[str, str],
    set[str],
    bytes,
    create_model("Late", __base__=Model, a=(list[str], Field(default_factory=list))),
    create_model("Two", __base__=Model, a=(str, Field(validation_alias=AliasChoices("a", "b")))),
    create_model("Held", __base__=Model, a=(str, Field(default="a", validate_default=True))),
]


@pytest.mark.parametrize("form", LEFT_TO_PYDANTIC, ids=count())
def test_what_is_not_known_to_mean_the_same_is_left_to_pydantic(form):
    assert decoder_of(guard_of(form)) is None


@pytest.mark.parametrize("levels", [50, 190, 200, 201, 250])
def test_a_type_that_may_be_deeper_than_any_payload_is_left_to_pydantic(levels):
    form = str
    for _ in range(levels):
        form = create_model("Nested", __base__=Model, a=(form, ...))
    known = long_texts.fast_decoder(TypeAdapter(form).core_schema, lambda _text: None) is not None
    assert known is (levels < 200)


def test_parts_that_are_absent_take_no_time_however_many_there_might_be():
    form = str
    for _ in range(100):
        form = create_model("Nested", __base__=Model, a=(form, ...), b=(form | None, None))
    text = b'{"a":' * 100 + b'"a"' + b"}" * 100
    assert decoder_of(guard_of(form))(text) is not None


def test_what_a_user_adds_to_a_model_is_done_for_a_long_text_too():
    # A core schema holds all of it, and no table of ours: so such a class has no decoder.
    text = json.dumps(THING)
    assert guard_of(Checked).load(text).text == "TEXT"
    assert guard_of(CheckedAsAWhole).load(text).id == -1
    assert guard_of(Finished).load(text).text == "TEXT"
    assert guard_of(Private).load(text)._made == []
    with pytest.raises(InvalidInput):
        guard_of(Stripped).load(json.dumps({**THING, "text": "  "}))


def test_a_class_that_only_adds_properties_is_read_like_any_other():
    class Larger(Thing, extra="forbid"):
        more: Box[list[str]]

    text = json.dumps({**THING, "more": {"content": ["a"]}}).encode()
    assert isinstance(read(json.dumps([THING]).encode())[0], Thing)
    assert not differs(guard_of(Larger), text)
    assert type(guard_of(Larger).load(text)) is Larger


def test_a_model_that_was_changed_after_its_first_text_is_read_as_before():
    # Pydantic's reader was made of the class as it was then; the other one has to agree with it.
    class Changed(Model, extra="forbid"):
        x: Integer

    guard = guard_of(Changed)
    assert guard._typed.read(b'{"x":1}') == Changed(x=1)
    Changed.__annotations__["y"] = str
    Changed.model_config["extra"] = "allow"
    Changed.model_fields["x"].annotation = str
    Changed.model_rebuild(force=True)
    assert facts(guard.load(b'{"x":1}')) == facts(guard._typed.read(b'{"x":1}'))
    assert not differs(guard, b'{"x":1,"y":"a"}')


def test_a_model_is_completed_before_it_is_looked_at():
    class Unfinished(Model):
        later: "list[Later]"

    class Later(Model):
        x: Integer

    guard = guard_of(Unfinished)
    with pytest.raises(Exception, match="not fully defined"):
        guard.load(b'{"later":[{"x":1}]}')
    Unfinished.model_rebuild(_types_namespace={"Later": Later})
    assert decoder_of(guard)(b'{"later":[{"x":1}]}') == Unfinished(later=[Later(x=1)])
    assert not differs(guard, b'{"later":[{"x":1}]}')


def test_models_that_are_as_fast_with_pydantic_stay_there(monkeypatch):
    monkeypatch.undo()

    class Pair(Model):
        x: Number
        y: Number

    class Sparse(Model):
        id: Integer
        a: Maybe[str] = ABSENT
        b: Maybe[str] = ABSENT

    class Item(Model):
        id: Integer
        name: str
        price: Number
        tags: list[str]

    class Once(Model):
        corner: Pair
        names: list[str]

    for many in (list[Pair], dict[str, Sparse], list[Once], list[Sparse | None]):
        assert decoder_of(guard_of(many)) is None
    for form in (list[Item], dict[str, Item], Once, Sparse, list[str]):
        assert decoder_of(guard_of(form)) is not None


def test_a_text_of_long_strings_is_left_to_pydantic(monkeypatch):
    monkeypatch.undo()
    load = decoder_of(guard_of(list[str]))
    words = "Some words, of which there are more, of the sort that is found in books and letters. "
    assert load(json.dumps(["a"] * 1000).encode())
    assert load(json.dumps([words * 60]).encode()) is None


def test_nobody_pays_for_the_reader_of_long_texts_who_has_none():
    code = (
        "import sys; from scaffold.kinds.tool_v1.plugin import EXECUTE, GET_SCHEMA;"
        'EXECUTE.input.load(b\'{"function":"a","args":{}}\');'
        "assert not {'scaffold.contract._fast_decode.long_texts', 'msgspec'} & {*sys.modules};"
        "GET_SCHEMA.output.load(b'[%b]' % (b' ' * 5000));"
        "assert {'scaffold.contract._fast_decode.long_texts', 'msgspec'} <= {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_integers_and_numbers_keep_the_mark_that_they_are_known_by():
    for form, mark in ((Integer, "integer"), (Number, "number")):
        assert TypeAdapter(form).core_schema["metadata"]["json_type"] == mark
