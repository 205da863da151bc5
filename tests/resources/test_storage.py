"""Blobs and checkpoints: in memory and in folders they are the same."""

from datetime import UTC, datetime

import pytest

from scaffold.contract._context.storage import Blobs, Checkpoints
from scaffold.resources._folder_storage import FolderBlobs, Storage

KEYS = [
    "a",
    "a/b",
    "../../etc/passwd",
    ".",
    "..",
    "~",
    "naïve 漢字",
    "A" * 150,
    "a\x00\n%2F",
    "*?",
]


@pytest.fixture(params=["memory", "folder"])
def blobs(request, tmp_path):
    return Blobs() if request.param == "memory" else FolderBlobs(lambda: tmp_path / "not/yet")


def test_what_was_put_last_is_there_until_it_is_deleted(blobs):
    assert blobs.get("a") is None
    assert list(blobs.list()) == []
    blobs.put("a", b"1")
    blobs.put("a", b"\x00\xff")
    assert blobs.get("a") == b"\x00\xff"
    blobs.delete("a")
    blobs.delete("a")
    assert (blobs.get("a"), list(blobs.list())) == (None, [])


def test_any_text_is_a_key_of_its_own(blobs, tmp_path):
    for key in KEYS:
        blobs.put(key, key.encode())
    assert [blobs.get(key) for key in KEYS] == [key.encode() for key in KEYS]
    assert list(blobs.list()) == sorted(KEYS)
    assert list(blobs.list("a")) == ["a", "a\x00\n%2F", "a/b"]
    assert {file.parent for file in tmp_path.rglob("*") if file.is_file()} <= {tmp_path / "not/yet"}


@pytest.mark.parametrize("key", ["", "A" * 151, "漢" * 51])
def test_a_key_is_neither_empty_nor_endless(blobs, key):
    with pytest.raises(ValueError, match="a key must have 1 to 150 bytes"):
        blobs.put(key, b"")


def test_a_checkpoint_is_what_was_saved_last_and_names_its_state(blobs):
    checkpoints = Checkpoints(blobs)
    assert checkpoints.load("unit-1") == (None, "")
    first = checkpoints.save("unit-1", {"done": 1, "names": ["a", None]})
    state, version = checkpoints.load("unit-1")
    assert (state, version) == ({"done": 1, "names": ["a", None]}, first)
    second = checkpoints.save("unit-1", {"done": 2})
    assert second != first
    checkpoints.save("unit-2", {"done": 2})
    assert list(checkpoints.list("unit-")) == [("unit-1", second), ("unit-2", second)]
    checkpoints.delete("unit-1")
    assert checkpoints.load("unit-1").state is None


@pytest.mark.parametrize(
    "state", [[1], "text", {"now": datetime.now(UTC)}, {"a": (1,)}, {"a": float("nan")}, {1: 2}]
)
def test_a_state_that_is_no_json_object_is_refused(state):
    with pytest.raises(TypeError, match="a checkpoint must be a JSON object"):
        Checkpoints(Blobs()).save("unit", state)


def test_storage_is_shared_by_name_and_a_temporary_one_goes_with_its_host(tmp_path):
    Storage(tmp_path).blobs().put("a", b"1")
    Storage(tmp_path).checkpoints("one").save("a", {})
    assert Storage(tmp_path).blobs().get("a") == b"1"
    assert Storage(tmp_path).checkpoints("one").load("a").state == {}
    assert Storage(tmp_path).checkpoints("..").load("a").state is None
    Storage(tmp_path).close()
    assert tmp_path.is_dir()

    passing = Storage()
    passing.blobs().put("a", b"1")
    folder = passing.folder()
    assert folder.is_dir()
    passing.close()
    assert not folder.exists()
