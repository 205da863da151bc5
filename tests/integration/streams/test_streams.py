"""A stream is the same stream in every runtime, for hosts of both sorts."""

import gc
import time

import pytest
from log_reader_v1 import TailInput, TailOutput

from scaffold.contract import (
    HookError,
    InternalError,
    InvalidInput,
    InvalidOutput,
    ScaffoldError,
    calling_with,
)


def tail(path, lines=10):
    return TailInput(path=path, lines=lines)


def noted(folder, word):
    end = time.monotonic() + 10
    while not (folder / word).exists():
        assert time.monotonic() < end, f"nobody has noted '{word}'"
        time.sleep(0.005)


def until_error(items):
    got = []
    with pytest.raises(ScaffoldError) as caught:
        got.extend(items)
    return [item.number for item in got], caught.value


def test_items_come_in_order_and_then_the_end(reader):
    items = list(reader.tail(tail("log", 3)))
    assert [item.number for item in items] == [1, 2, 3]
    assert all(type(item) is TailOutput for item in items)
    assert list(reader.tail(tail("nothing"))) == []


def test_a_hook_without_input_streams_values_that_are_no_objects(reader):
    assert list(reader.levels()) == ["debug", "error"]


def test_plain_hooks_answer_beside_streams(reader):
    items = reader.tail(tail("log"))
    assert next(items).number == 1
    assert reader.count("four") == 4
    assert next(items).number == 2
    items.close()


def test_several_streams_of_one_plugin_do_not_mix(reader):
    one, two = reader.tail(tail("log", 50)), reader.tail(tail("big", 3))
    pairs = [(a.number, a.text, b.number, len(b.text)) for a, b in zip(one, two, strict=False)]
    assert pairs == [(n, "text", n, 100_000) for n in (1, 2, 3)]
    one.close()
    two.close()


def test_nothing_happens_before_the_first_item_is_asked_for(reader, notes):
    items = reader.tail(tail("log"))
    time.sleep(0.05)
    assert not (notes / "begun").exists()
    next(items)
    assert (notes / "begun").exists()
    items.close()


def test_an_invalid_input_is_refused_when_the_hook_is_called(reader, notes):
    with pytest.raises(InvalidInput) as caught:
        reader.tail({"path": 7})
    assert [one.path for one in caught.value.problems] == ["/path"]
    assert not (notes / "begun").exists()


def test_a_hook_error_comes_after_the_items_before_it(reader, notes):
    got, error = until_error(reader.tail(tail("missing")))
    assert got == [1, 2]
    assert type(error) is HookError
    assert (error.code, error.message, error.data) == ("no_log", "it is gone", {"after": 2})
    noted(notes, "closed")


def test_any_other_exception_stays_in_the_plugins_log(reader):
    got, error = until_error(reader.tail(tail("crash")))
    assert got == [1]
    assert type(error) is InternalError
    assert "swordfish" not in str(error)
    assert error.data["id"] in error.message


def test_an_item_that_breaks_the_schema_is_refused_and_ends_the_stream(reader, notes):
    got, error = until_error(reader.tail(tail("lie")))
    assert got == [1]
    assert type(error) is InvalidOutput
    assert {one.rule for one in error.problems} == {"required", "minimum"}
    noted(notes, "closed")


def test_an_item_of_another_class_is_refused(reader):
    with pytest.raises(InvalidOutput, match="expected 'TailOutput'"):
        list(reader.tail(tail("plain")))


@pytest.mark.parametrize("leave", ["close", "drop"])
def test_leaving_early_closes_the_plugins_generator(reader, notes, leave):
    gc.freeze()  # what is there already need not be looked through
    items = reader.tail(tail("endless"))
    assert next(items).number == 1
    assert not (notes / "closed").exists()
    if leave == "close":
        items.close()
    del items
    gc.collect()
    gc.unfreeze()
    noted(notes, "closed")
    assert reader.count("four") == 4


def test_metadata_is_that_of_the_call_wherever_the_stream_is_read(reader):
    with calling_with({"tenant_id": "t1"}):
        items = reader.tail(tail("endless"))
    with calling_with({"tenant_id": "t2"}):
        assert [next(items).text for _ in range(3)] == ["t1"] * 3
    items.close()


def test_a_plugin_is_held_up_while_nobody_reads(reader, notes):
    items = reader.tail(tail("endless"))
    next(items)
    made = -1
    while made < (made := len(list(notes.glob("made-*")))):  # a network has room of its own
        time.sleep(0.1)
    assert next(items).number == 2
    items.close()
