"""Where a plugin keeps what outlives a call: blobs of bytes, and checkpoints of long work."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from pydantic_core import from_json, to_json

from scaffold._concurrency.forks import reset_after_fork
from scaffold._concurrency.locks import Rank, reentrant_lock
from scaffold.contract._json.types import JsonObject, is_object

__all__ = ["BlobStore", "Blobs", "Checkpoint", "CheckpointStore", "Checkpoints", "check_key"]


class BlobStore(Protocol):
    """Bytes by key, wherever they are kept (ADR-0003 §3). Any thread may call.

    A key is any text of 1 to 150 bytes; `/` in it means nothing. A store may be shared between
    plugins, so a key begins with something of the plugin's own.
    """

    def put(self, key: str, data: bytes) -> None:
        """Keep the data, in place of what was there; nobody ever sees half of it."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return what was put last, `None` if there is nothing."""
        ...

    def list(self, prefix: str = "") -> Sequence[str]:
        """Return the keys that begin with a prefix, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Forget a key, if it is there."""
        ...


class Checkpoint(NamedTuple):
    """How far some work had come."""

    state: JsonObject | None
    """What was saved; `None` if nothing was."""
    version: str
    """Names the state: equal states have equal versions. Empty if there is none."""


class CheckpointStore(Protocol):
    """The states from which long work can be taken up again (ADR-0003 §6). Any thread may call."""

    def save(self, key: str, state: JsonObject) -> str:
        """Keep a state, in place of the last one, and return its version.

        A key names one piece of work: take it from what identifies the input, as a partition or an
        idempotency key. Raises `TypeError` if the state is no JSON object.
        """
        ...

    def load(self, key: str) -> Checkpoint:
        """Return the state that was saved last."""
        ...

    def list(self, prefix: str = "") -> Sequence[tuple[str, str]]:
        """Return the keys that begin with a prefix, and their versions, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Forget a key, once its work is done."""
        ...


class Blobs:
    """A blob store in memory, which ends with the process."""

    def __init__(self) -> None:
        self._unlock()
        self._kept: dict[str, bytes] = {}
        reset_after_fork(self._unlock)

    def put(self, key: str, data: bytes) -> None:
        """Keep the data; raise `ValueError` for a key that no store takes."""
        check_key(key)
        with self._lock:
            self._kept[key] = bytes(data)

    def get(self, key: str) -> bytes | None:
        """Return what was put last, `None` if there is nothing."""
        return self._kept.get(key)

    def list(self, prefix: str = "") -> Sequence[str]:
        """Return the keys that begin with a prefix, sorted."""
        with self._lock:
            return sorted(key for key in self._kept if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Forget a key, if it is there."""
        with self._lock:
            self._kept.pop(key, None)

    def _unlock(self) -> None:
        # A signal handler may use the store while the code below it does.
        self._lock = reentrant_lock(Rank.STORE)


class Checkpoints:
    """Checkpoints kept as JSON in a blob store."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def save(self, key: str, state: JsonObject) -> str:
        """Keep a state, in place of the last one, and return its version."""
        data = _encode_state(state)
        self._blobs.put(key, data)
        return _version_of(data)

    def load(self, key: str) -> Checkpoint:
        """Return the state that was saved last."""
        data = self._blobs.get(key)
        return (
            Checkpoint(None, "") if data is None else Checkpoint(from_json(data), _version_of(data))
        )

    def list(self, prefix: str = "") -> Sequence[tuple[str, str]]:
        """Return the keys that begin with a prefix, and their versions, sorted."""
        return [(key, self.load(key).version) for key in self._blobs.list(prefix)]

    def delete(self, key: str) -> None:
        """Forget a key, once its work is done."""
        self._blobs.delete(key)


_MAX_KEY_BYTES: Final = 150


def check_key(key: str) -> None:
    """Raise `ValueError` for a key that is empty or longer than 150 bytes."""
    if not 0 < len(key.encode()) <= _MAX_KEY_BYTES:
        raise ValueError(f"a key has 1 to {_MAX_KEY_BYTES} bytes, and this one {len(key.encode())}")


def _encode_state(state: object) -> bytes:
    try:
        data = to_json(state)
        lossless = is_object(state) and from_json(data, allow_inf_nan=False) == state
    except ValueError as error:
        raise TypeError(f"a checkpoint is a JSON object: {error}") from None
    if not lossless:
        raise TypeError("a checkpoint is a JSON object, which is the same after a round trip")
    return data


def _version_of(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()[:16]
